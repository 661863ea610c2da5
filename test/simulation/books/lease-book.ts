import { keyOf } from '../../../agent/core/journal-fold.ts';
import type { AttemptRecord } from '../../../controller/domain/attempt.ts';
import { defaultTimes } from '../../../controller/domain/times.ts';
import type { Input } from '../../../controller/engine/turn/inputs.ts';
import type { FarmState } from '../../../controller/engine/turn/state.ts';
import type { ControllerMessage, Hello } from '../../../proto/agent-link.ts';
import type { Connection } from '../connection.ts';
import type { SimDisk } from '../sim-disk.ts';
import type { World } from '../world.ts';
import type { Book, Change } from './book.ts';

const { leaseMs, disconnectedMs, recoveryWindowMs, restartRowMs } = defaultTimes;
/** Timers are not exact. */
const slackMs = 1_000;

interface Heard {
  atMs: number;
  /** When its side ended its stream; absent while it may be open. */
  closedMs?: number | undefined;
  instanceId: string;
  /** The leadership under which it was heard. */
  term: number;
}

/**
 * An attempt is lost only when its agent was: silent for the whole lease, gone, or started anew. A restart or a failover
 * ends no lease before its recovery window, and stops nothing that is held.
 */
export class LeaseBook implements Book {
  readonly #world: World;
  readonly #heard = new Map<string, Heard>();
  readonly #attempts = new Map<string, AttemptRecord>();
  /** Attempts whose loss was looked at; a store that lost its tail may be told again. */
  readonly #judged = new Set<string>();
  readonly #hellos = new Map<string, Hello>();
  readonly #sessions = new Map<string, string>();
  /** Processes that said Hello in the turn under way, by agent: with a clone about, there may be two. */
  readonly #newcomers = new Map<string, Set<string>>();
  #term = 0;
  #startedMs = Number.NEGATIVE_INFINITY;
  #rowMs = Number.NEGATIVE_INFINITY;
  #isRolledBack = false;

  constructor(world: World) {
    this.#world = world;
  }

  controllerStarted(_controller: string, state: FarmState): void {
    const { nowMs } = this.#world;
    if (nowMs - this.#startedMs >= restartRowMs) this.#rowMs = nowMs;
    this.#startedMs = nowMs;
    this.#term = state.epoch.term;
  }

  tailLost(disk: SimDisk): void {
    this.#isRolledBack = true;
    this.#attempts.clear();
    for (const { kind, body } of disk.records())
      if (kind === 'attempt') this.#attempts.set(keyOf(body as AttemptRecord), body as AttemptRecord);
  }

  taken(_controller: string, input: Input): void {
    const { nowMs } = this.#world;
    if (input.kind === 'attach') {
      const { agentId, instanceId } = input.hello;
      this.#hellos.set(input.sessionId, input.hello);
      this.#sessions.set(input.sessionId, agentId);
      this.#heard.set(agentId, { atMs: nowMs, instanceId, term: this.#term });
      const newcomers = this.#newcomers.get(agentId) ?? new Set();
      this.#newcomers.set(agentId, newcomers.add(instanceId));
    }
    const heard =
      'sessionId' in input ? this.#heard.get(this.#sessions.get(input.sessionId) ?? '') : undefined;
    if (heard === undefined) return;
    if (input.kind === 'message') {
      heard.atMs = nowMs;
      heard.term = this.#term;
      heard.closedMs = undefined;
    }
    if (input.kind === 'stream-ended' && input.how !== 'ours') heard.closedMs = nowMs;
  }

  committed({ upserts }: Change): void {
    for (const { kind, body } of upserts) {
      if (kind !== 'attempt') continue;
      const attempt = body as AttemptRecord;
      const before = this.#attempts.get(keyOf(attempt));
      this.#attempts.set(keyOf(attempt), attempt);
      if (attempt.outcome !== 'lost' || before?.outcome !== undefined || this.#judged.has(keyOf(attempt)))
        continue;
      this.#judged.add(keyOf(attempt));
      if (before !== undefined) this.#lost({ ...before, message: attempt.message ?? '' });
    }
    this.#newcomers.clear();
  }

  sent(_connection: Connection, message: ControllerMessage): void {
    if (message.kind !== 'welcome' || this.#isRolledBack) return;
    const hello = this.#hellos.get(message.sessionId);
    for (const { ref, decision } of message.verdicts) {
      const attempt = this.#attempts.get(keyOf(ref));
      const state = hello?.held.find((held) => keyOf(held.ref) === keyOf(ref))?.state;
      const isHeld = attempt?.agentId === hello?.agentId && attempt?.state !== 'ended';
      const isStopped = decision.verdict === 'stop' || decision.verdict === 'forget';
      if (attempt === undefined || !isHeld || !isStopped || attempt.stop !== undefined) continue;
      if (state !== 'finished')
        this.#world.violated(
          'a restart stops nothing',
          `${keyOf(ref)} is held and told to ${decision.verdict}`,
        );
    }
  }

  #lost(attempt: AttemptRecord): void {
    const { nowMs } = this.#world;
    const heard = this.#heard.get(attempt.agentId);
    if (heard !== undefined && heard.instanceId !== attempt.instanceId) return;
    const newcomers = [...(this.#newcomers.get(attempt.agentId) ?? [])];
    if (newcomers.some((instanceId) => instanceId !== attempt.instanceId)) return;
    const sinceStartMs = nowMs - this.#startedMs + slackMs;
    if (heard?.term !== this.#term) {
      if (sinceStartMs >= leaseMs && nowMs - this.#rowMs + slackMs >= recoveryWindowMs) return;
      this.#world.violated(
        'a restart ends no lease',
        `${keyOf(attempt)} of ${attempt.agentId}, ${sinceStartMs} ms after the start: ${attempt.message ?? ''}`,
      );
    }
    const silentMs = nowMs - heard.atMs + slackMs;
    const goneMs = heard.closedMs === undefined ? 0 : nowMs - heard.closedMs + slackMs;
    if (silentMs >= leaseMs || goneMs >= disconnectedMs) return;
    this.#world.violated(
      'lost only when silent',
      `${keyOf(attempt)}: ${attempt.agentId} was heard ${silentMs - slackMs} ms ago; ${attempt.message ?? ''}`,
    );
  }
}
