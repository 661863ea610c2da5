import assert from 'node:assert/strict';
import type { JobSpec } from '../../controller/domain/job.ts';
import type { FarmSettings } from '../../controller/domain/settings.ts';
import type { AgentOrder, JobOrder, QueueOrder, ShareOrder } from '../../controller/engine/orders.ts';
import type { Effect, Input, Reply } from '../../controller/engine/turn/inputs.ts';
import { stateFrom } from '../../controller/engine/turn/records.ts';
import { emptyState, type FarmState } from '../../controller/engine/turn/state.ts';
import { beginRecovery, type Turned, turn } from '../../controller/engine/turn/turn.ts';
import { type PlanBudget, unlimitedBudget } from '../../controller/scheduling/budget.ts';
import type { StoredRecord } from '../../controller/store/port.ts';
import type {
  AgentMessage,
  Assign,
  ControllerMessage,
  HeldAttempt,
  Hello,
  JobRef,
  PriorityClass,
} from '../../proto/agent-link.ts';
import { journalEvent, hello as makeHello } from './agent-messages.ts';
import { farmSettings } from './farm-settings.ts';

type Said = Exclude<AgentMessage, Hello>;

export function jobId(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

export function jobSpec(n: number, changes: Partial<JobSpec> = {}): JobSpec {
  return {
    jobId: jobId(n),
    userId: 'ann',
    channelName: 'Kids TV',
    enable4k: false,
    priority: 'normal',
    items: [{ position: 0, itemType: 'video', path: '\\\\nas\\Clips\\a.mp4', durationMs: 10_000 }],
    ...changes,
  };
}

/** A job of so many minutes of output, and 120 MB of sources for each, by the guess. */
export function longJob(n: number, minutes: number, changes: Partial<JobSpec> = {}): JobSpec {
  const item = {
    position: 0,
    itemType: 'video',
    path: '\\\\nas\\Clips\\a.mp4',
    durationMs: minutes * 60_000,
  } as const;
  return jobSpec(n, { items: [item], ...changes });
}

/** The engine's pure turn under a hand-driven clock; a map stands for the store and is checked after every turn. */
export class TurnFarm {
  readonly settings: FarmSettings;
  readonly stored = new Map<string, StoredRecord>();
  readonly sent: { readonly sessionId: string; readonly message: ControllerMessage }[] = [];
  readonly replies = new Map<string, Reply>();
  readonly ended: string[] = [];
  /** What the catalogue was asked for. */
  readonly lookUps: Extract<Effect, { kind: 'look-up' }>[] = [];
  readonly logged: string[] = [];
  state: FarmState;
  nowMs = 1_000_000_000_000;
  random = 0.5;
  /** What planning may cost in one turn. */
  planning: () => PlanBudget = () => unlimitedBudget;
  #replyCount = 0;

  constructor(settings: Partial<FarmSettings> = {}) {
    this.settings = farmSettings(settings);
    this.state = emptyState('farm-1', { term: 1, leaderId: 'leader-1' });
  }

  run(...inputs: readonly Input[]): readonly Effect[] {
    return this.#absorb(
      turn(this.state, this.settings, inputs, {
        nowMs: this.nowMs,
        random: () => this.random,
        planning: this.planning(),
      }),
    );
  }

  /** Lets time pass in one step, then ticks. */
  pass(ms: number): readonly Effect[] {
    this.nowMs += ms;
    return this.run({ kind: 'tick' });
  }

  /** The controller dies and comes back: only what is stored is left. */
  restart(): void {
    const loaded = { farmId: 'farm-1', lastBatch: 0, records: [...this.stored.values()] };
    this.state = stateFrom(loaded, { term: this.state.epoch.term + 1, leaderId: `leader-${this.nowMs}` });
    this.#absorb(beginRecovery(this.state, this.settings, { nowMs: this.nowMs, random: () => this.random }));
  }

  submit(spec: JobSpec, requestId = '', changes: Partial<Extract<Input, { kind: 'submit' }>> = {}): Reply {
    const replyId = `reply-${++this.#replyCount}`;
    this.run({
      kind: 'submit',
      replyId,
      requestId,
      bodyHash: JSON.stringify(spec),
      spec,
      username: spec.userId,
      resolved: spec.items.map(({ position, itemType, path }) => ({ position, itemType, path: path ?? '' })),
      resolution: { queryMs: 1, found: 0, missing: [], resolvedAtMs: this.nowMs },
      shares: ['clips'],
      ...changes,
    });
    return this.reply(replyId);
  }

  cancel(id: string, requestId = ''): Reply {
    const replyId = `reply-${++this.#replyCount}`;
    this.run({ kind: 'cancel', replyId, requestId, bodyHash: id, jobId: id, reason: '' });
    return this.reply(replyId);
  }

  /** A person's order; the body's hash is the order itself. */
  order(order: JobOrder | AgentOrder | QueueOrder | ShareOrder): Reply {
    const replyId = `reply-${++this.#replyCount}`;
    this.run({ ...order, replyId, bodyHash: JSON.stringify({ ...order, requestId: '' }) });
    return this.reply(replyId);
  }

  /** Resolves to the session id, or to nothing where the farm has not answered. */
  attach(
    agentId: string,
    changes: Partial<Hello> = {},
    sessionId = `${agentId}-session-${++this.#replyCount}`,
  ): string {
    this.run({ kind: 'attach', replyId: sessionId, sessionId, hello: makeHello(agentId, changes) });
    return sessionId;
  }

  say(sessionId: string, message: Said): readonly Effect[] {
    return this.run({ kind: 'message', sessionId, message });
  }

  reply(replyId: string): Reply {
    const reply = this.replies.get(replyId);
    assert.ok(reply, `no reply to ${replyId}`);
    return reply;
  }

  /** The newest message of a kind to a session. */
  last<K extends ControllerMessage['kind']>(
    sessionId: string,
    kind: K,
  ): Extract<ControllerMessage, { kind: K }> {
    const found = this.sent.findLast((entry) => entry.sessionId === sessionId && entry.message.kind === kind);
    assert.ok(found, `nothing of kind ${kind} was sent to ${sessionId}`);
    return found.message as Extract<ControllerMessage, { kind: K }>;
  }

  all<K extends ControllerMessage['kind']>(kind: K): readonly Extract<ControllerMessage, { kind: K }>[] {
    return this.sent
      .map(({ message }) => message)
      .filter((message): message is Extract<ControllerMessage, { kind: K }> => message.kind === kind);
  }

  assigned(sessionId: string): Assign {
    return this.last(sessionId, 'assign');
  }

  jobState(id: string): string {
    return this.state.jobs.get(id)?.state ?? 'gone';
  }

  #absorb(turned: Turned): readonly Effect[] {
    for (const record of turned.upserts) {
      // As a store would: nothing that is shared with memory.
      this.stored.set(`${record.kind}/${record.id}`, JSON.parse(JSON.stringify(record)) as StoredRecord);
    }
    for (const key of turned.deletes) this.stored.delete(`${key.kind}/${key.id}`);
    for (const effect of turned.effects) this.#perform(effect);
    this.#checkStored();
    return turned.effects;
  }

  #perform(effect: Effect): void {
    if (effect.kind === 'send') this.sent.push(effect);
    if (effect.kind === 'reply') this.replies.set(effect.replyId, effect.reply);
    if (effect.kind === 'look-up') this.lookUps.push(effect);
    if (effect.kind === 'end-session') this.ended.push(effect.sessionId);
    if (effect.kind === 'log') this.logged.push(effect.event);
  }

  /** What a restart would load is what memory holds: nothing that was shown is missing from the store. */
  #checkStored(): void {
    const loaded = stateFrom(
      { farmId: 'farm-1', lastBatch: 0, records: [...this.stored.values()] },
      this.state.epoch,
    );
    for (const part of [
      'jobs',
      'bodies',
      'attempts',
      'agents',
      'requests',
      'tombstones',
      'queues',
      'rows',
    ] as const) {
      assert.deepEqual(
        new Map<string, unknown>(loaded[part]),
        new Map<string, unknown>(JSON.parse(JSON.stringify([...this.state[part]])) as [string, unknown][]),
        `the store's ${part} differ from memory`,
      );
    }
    assert.deepEqual([...loaded.openJobs].sort(), [...this.state.openJobs].sort());
    assert.deepEqual([...loaded.awaitingCatalog].sort(), [...this.state.awaitingCatalog].sort());
    for (const [name, { due, aside }] of this.state.lanes) {
      const stored = loaded.lanes.get(name);
      assert.deepEqual([...(stored?.due ?? [])].sort(), [...due].sort(), `what is due to ${name}`);
      assert.deepEqual([...(stored?.aside ?? [])], [...aside], `what ${name} has refused`);
    }
    assert.deepEqual(new Map(loaded.openPerUser), new Map(this.state.openPerUser));
    assert.deepEqual(new Map(loaded.openPerQueue), new Map(this.state.openPerQueue));
  }
}

/** A farm with one job that runs on pc1: event 1 is applied. */
export function runningFarm(): { farm: TurnFarm; pc1: string; ref: JobRef } {
  const farm = new TurnFarm();
  const pc1 = farm.attach('pc1');
  farm.submit(jobSpec(1));
  const { ref } = farm.assigned(pc1);
  farm.say(pc1, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
  farm.say(pc1, journalEvent(1, ref, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 150 }));
  return { farm, pc1, ref };
}

export function heldAs(ref: JobRef, state: HeldAttempt['state']): HeldAttempt {
  return { ref, state, percent: 50 };
}

/** Orders without a reason and without a request id, for `TurnFarm.order`. */
export function jobOrder(
  kind: 'cancel' | 'retry' | 'hold' | 'release' | 'annul',
  n: number,
  requestId = '',
): JobOrder {
  return { kind, jobId: jobId(n), reason: '', requestId };
}

export function priorityOrder(n: number, priority: PriorityClass, requestId = ''): JobOrder {
  return { kind: 'priority', jobId: jobId(n), priority, reason: '', requestId };
}

export function agentOrder(
  kind: 'cordon' | 'uncordon' | 'drain' | 'forget',
  agentId: string,
  requestId = '',
): AgentOrder {
  return { kind, agentId, by: 'ops', reason: 'new driver', requestId };
}

export function evictOrder(agentId: string, deadlineMs: number): AgentOrder {
  return { kind: 'evict', agentId, by: 'ops', reason: 'new driver', requestId: '', deadlineMs };
}
