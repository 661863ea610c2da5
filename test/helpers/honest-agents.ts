import type { AttemptEvent, ControllerMessage, JobRef } from '../../proto/agent-link.ts';
import { finished, heartbeat, inventory, journalEvent, manifest } from './agent-messages.ts';
import { inventedQueue } from './hostile-talk.ts';
import { agentOrder, type TurnFarm } from './turn-farm.ts';

/** Steps of ten seconds after which every job that can end has ended: two back-offs, and room. */
const stepsMax = 250;
const stepMs = 10_000;

/**
 * Healthy agents that do at once what they are told, after whatever happened before: they attach holding nothing,
 * render what they get, finish and take back what they are asked to, and say their heartbeat. They serve the queue
 * that hostile agents invent too: a job in a queue that nobody serves rightly waits, and says so.
 *
 * @param asNew each is a new process; else the same one that has nothing any more
 * @returns the ids of the jobs that still wait for something when long enough has passed
 */
export function settle(farm: TurnFarm, agentIds: readonly string[], asNew: boolean): readonly string[] {
  const agents = new HonestAgents(farm, agentIds, asNew);
  let stuck = stuckJobs(farm);
  for (let n = 0; n < stepsMax && stuck.length > 0; n += 1) {
    agents.step();
    stuck = stuckJobs(farm);
  }
  return stuck;
}

function stuckJobs({ state }: TurnFarm): readonly string[] {
  return [...state.openJobs].filter((id) => state.jobs.get(id)?.state !== 'held');
}

class HonestAgents {
  readonly #farm: TurnFarm;
  readonly #sessions = new Map<string, string>();
  readonly #agentIds: readonly string[];
  #seen: number;

  constructor(farm: TurnFarm, agentIds: readonly string[], asNew: boolean) {
    this.#farm = farm;
    this.#agentIds = agentIds;
    this.#seen = farm.sent.length;
    for (const queue of farm.state.queues.keys()) {
      farm.order({ kind: 'resume', queue, by: 'ops', reason: '', requestId: '' });
    }
    for (const agentId of agentIds) {
      farm.order(agentOrder('uncordon', agentId));
      this.#attach(agentId, asNew ? `${agentId}-honest` : undefined);
    }
  }

  step(): void {
    const { nowMs } = this.#farm;
    this.#farm.pass(stepMs);
    for (const agentId of this.#agentIds) {
      if (this.#farm.state.presences.get(agentId)?.session?.sessionId !== this.#sessions.get(agentId))
        this.#attach(agentId);
      this.#say(agentId, { ...heartbeat, sequence: nowMs });
    }
    this.#answerAll();
  }

  #attach(agentId: string, newInstanceId?: string): void {
    const { state } = this.#farm;
    const known = state.agents.get(agentId);
    const instanceId = newInstanceId ?? known?.instanceId ?? `${agentId}-honest`;
    const journalId = known?.journalId ?? `${agentId}-journal`;
    const firstUnackedEvent = (known?.ackedEvent ?? 0) + 1;
    const serving = inventory({ queues: [...inventory().queues, inventedQueue] });
    const changes = { instanceId, journalId, firstUnackedEvent, farmId: 'farm-1', inventory: serving };
    this.#sessions.set(agentId, this.#farm.attach(agentId, changes));
  }

  #answerAll(): void {
    while (this.#seen < this.#farm.sent.length) {
      const entry = this.#farm.sent[this.#seen++];
      const owner = this.#agentIds.find((agentId) => this.#sessions.get(agentId) === entry?.sessionId);
      if (entry !== undefined && owner !== undefined) this.#answer(owner, entry.message);
    }
  }

  #answer(agentId: string, message: ControllerMessage): void {
    switch (message.kind) {
      case 'assign': {
        const { ref } = message;
        this.#say(agentId, {
          kind: 'assignment-reply',
          ref,
          accepted: true,
          presentBytes: 0,
          presentSegments: 0,
        });
        this.#event(agentId, ref, { type: 'ready', manifest });
        return;
      }
      case 'publish-grant': {
        const publishedPath = `\\\\nas\\Results\\${message.finalName}`;
        const outcome = finished({ outcome: 'published', publishedPath });
        this.#event(agentId, message.ref, { type: 'finished', finished: outcome });
        return;
      }
      case 'cancel': {
        const outcome = finished({ outcome: message.outcome });
        this.#event(agentId, message.ref, { type: 'finished', finished: outcome });
        return;
      }
      case 'finish-publish':
        this.#say(agentId, { kind: 'finish-publish-reply', ref: message.ref, result: 'absent' });
        return;
      case 'annul-publish':
        this.#say(agentId, { kind: 'annul-publish-reply', ref: message.ref, result: 'annulled' });
        return;
      case 'check-host':
        this.#say(agentId, { kind: 'host-checked', checkId: message.checkId, ok: true, detail: 'well' });
        return;
      default:
        return;
    }
  }

  #event(agentId: string, ref: JobRef, event: AttemptEvent): void {
    const number = (this.#farm.state.agents.get(agentId)?.ackedEvent ?? 0) + 1;
    this.#say(agentId, journalEvent(number, ref, event));
  }

  #say(agentId: string, message: Parameters<TurnFarm['say']>[1]): void {
    const session = this.#sessions.get(agentId);
    if (session !== undefined) this.#farm.say(session, message);
  }
}
