import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JobRecord } from '../../../controller/domain/job.ts';
import { without } from '../../../controller/domain/move-job.ts';
import { attemptKey } from '../../../controller/engine/turn/state.ts';
import { nextDeadlineMs } from '../../../controller/engine/turn/turn.ts';
import type { Hello, JobRef } from '../../../proto/agent-link.ts';
import { fenceText } from '../../../proto/agent-link.ts';
import { manifest } from '../../helpers/agent-messages.ts';
import { Archive } from '../../helpers/archive.ts';
import { helping } from '../../helpers/assist-farm.ts';
import {
  agentOrders,
  agents,
  jobOrders,
  orderKinds,
  queueOrders,
  type Step,
  step,
} from '../../helpers/fuzz-steps.ts';
import { wished } from '../../helpers/fuzzed-wishes.ts';
import { settle } from '../../helpers/honest-agents.ts';
import { jobId, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

// No agent, however old, broken or hostile, may stop the controller: whatever arrives on its streams, in whatever
// order, the turn does not throw, memory equals the store (TurnFarm checks that after every turn), and no clock is
// left that would make the shell tick without end. With healthy agents from then on every job comes to its end.

/** Applies steps to a farm, and remembers what a hostile agent could know: every stream and every reference. */
class Fuzzed {
  readonly farm = new TurnFarm();
  readonly #archive = new Archive(this.farm);
  readonly #streams: { readonly agentId: string; readonly sessionId: string }[] = [];

  readonly #known = new Map<string, JobRef>();

  constructor() {
    for (const agentId of agents) this.#attach(agentId, {});
    for (let n = 0; n < 3; n++) this.farm.submit(jobSpec(n));
  }

  apply(step: Step): void {
    const { farm } = this;
    switch (step.do) {
      case 'submit':
        farm.submit(jobSpec(step.job, wished(step.wish, farm.nowMs)));
        return;
      case 'cancel':
        farm.cancel(jobId(step.job));
        return;
      case 'say': {
        const stream = this.#stream(step.stream);
        const next = (farm.state.agents.get(stream.agentId)?.ackedEvent ?? 0) + 1;
        farm.say(stream.sessionId, step.talk(this.#ref(step.pick), next));
        return;
      }
      case 'attach':
        this.#attach(agents[step.agent] ?? 'pc1', {
          instanceId: `instance-${step.instance}`,
          journalId: `journal-${step.journal}`,
          firstUnackedEvent: step.first,
          held: step.held.map(({ pick, state }) => ({
            ref: this.#ref(pick),
            state,
            percent: step.percent,
            manifest,
          })),
          heldItems: step.items.map(({ pick, position, right }) => ({
            ref: this.#ref(pick),
            position,
            right: { term: farm.state.epoch.term, counter: right },
          })),
          tombstones: [{ ref: this.#ref(step.published), outcome: step.ours ? 'published' : 'failed' }],
          ...(step.ours && { farmId: 'farm-1' }),
        });
        return;
      case 'order':
        this.#order(step.kind, step.target);
        return;
      case 'forget-record':
        this.#loseTail(step.kind);
        return;
      case 'leave':
        farm.run({ kind: 'stream-ended', sessionId: this.#stream(step.stream).sessionId, how: step.how });
        return;
      case 'pass':
        farm.pass(step.ms);
        return;
      case 'archive':
        this.#archive.leave();
        return;
      case 'retry-past':
        this.#archive.retry(step.job);
        return;
      case 'restart':
        farm.restart();
        return;
      case 'outage':
        farm.run({ kind: 'outage', what: 'fuzz' });
    }
  }

  /** After a tick time alone causes nothing more at this very moment: a deadline that stays would be a busy loop. */
  checkClock(): void {
    this.farm.pass(0);
    const next = nextDeadlineMs(this.farm.state, this.farm.settings);
    assert.ok(next > this.farm.nowMs, `the next deadline is ${next - this.farm.nowMs} ms from now`);
  }

  /** Nothing is remembered of what is over. */
  checkNothingLeft(): void {
    const { state } = this.farm;
    for (const key of [...state.runtimes.keys(), ...state.publishRetries.keys()]) {
      assert.notEqual(state.attempts.get(key)?.state, 'ended', `${key} has ended`);
    }
    for (const id of [...state.refusals.keys(), ...state.waitReasons.keys(), ...state.announcements.keys()]) {
      assert.ok(state.openJobs.has(id), `job ${id} is not open`);
    }
    for (const { ref, given } of state.assist.jobs.values()) {
      assert.equal(state.attempts.get(attemptKey(ref))?.state, 'running', `${ref.jobId} is helped`);
      assert.ok(
        [...given.values()].every((key) => state.assist.items.has(key)),
        'a right to nothing',
      );
    }
  }

  /** With healthy agents from now on, every job that no person holds comes to its end. */
  checkNobodyStuck(asNew: boolean): void {
    const { state } = this.farm;
    const stuck = settle(this.farm, agents, asNew).map((id) => [id, state.jobs.get(id)?.state]);
    assert.deepEqual(stuck, []);
  }

  #order(kind: (typeof orderKinds)[number], target: number): void {
    const { farm } = this;
    const base = { requestId: '', reason: 'fuzz', by: 'fuzz', jobId: jobId(target) };
    const agentId = agents[target % agents.length] ?? 'pc1';
    if (kind === 'share-replaced') farm.order({ ...base, kind, share: 'results' });
    else if (kind === 'priority') farm.order({ ...base, kind, priority: 'urgent' });
    else if (kind === 'evict') farm.order({ ...base, kind, agentId, deadlineMs: target * 1_000 });
    else if (isOneOf(agentOrders, kind)) farm.order({ ...base, kind, agentId });
    else if (isOneOf(queueOrders, kind)) farm.order({ ...base, kind, queue: 'default_queue' });
    else if (isOneOf(jobOrders, kind)) farm.order({ ...base, kind });
  }

  /** The store loses records that belong together, and the controller starts again. */
  #loseTail(kind: 'job' | 'attempt'): void {
    const { stored } = this.farm;
    const job = [...stored.values()].findLast((record) => record.kind === 'job');
    if (job === undefined) return;
    for (const key of [...stored.keys()]) {
      const slash = key.indexOf('/');
      const [of, id] = [key.slice(0, slash), key.slice(slash + 1)];
      const its = id === job.id || id.startsWith(`${job.id}/`);
      if (its && of === 'attempt') stored.delete(key);
      if (its && kind === 'job') stored.delete(key);
    }
    if (kind === 'attempt') this.#waitAgain(job.id);
    this.farm.restart();
    this.#tell(job.id);
  }

  /** An agent that was given the job knows what the store has lost. */
  #tell(id: string): void {
    const assign = this.farm.all('assign').findLast(({ ref }) => ref.jobId === id);
    if (assign === undefined) return;
    const held = { ref: assign.ref, state: 'running' as const, percent: 50 };
    this.#attach('pc1', { farmId: 'farm-1', held: [held] });
    const { sessionId } = this.#stream(0);
    this.farm.say(sessionId, { kind: 'recalled', ref: assign.ref, assign, held });
    this.#attach('pc1', { farmId: 'farm-1', held: [held] });
  }

  /** As it was before it was assigned. */
  #waitAgain(id: string): void {
    const record = this.farm.stored.get(`job/${id}`);
    if (record === undefined) return;
    const body = { ...(record.body as JobRecord), state: 'waiting', attemptCount: 0 } as JobRecord;
    this.farm.stored.set(`job/${id}`, { ...record, body: without(body, 'fence', 'grant', 'endedAtMs') });
  }

  #attach(agentId: string, changes: Partial<Hello>): void {
    // All of them could help each other.
    this.#streams.unshift({ agentId, sessionId: this.farm.attach(agentId, { ...helping(), ...changes }) });
  }

  #stream(n: number): { readonly agentId: string; readonly sessionId: string } {
    const stream = this.#streams[n % this.#streams.length];
    assert.ok(stream);
    return stream;
  }

  /** Newest first: what is alive is hit most, and what the store has lost is remembered. */
  #ref(n: number): JobRef {
    for (const { jobId, fence } of this.farm.state.attempts.values())
      this.#known.set(`${jobId}/${fenceText(fence)}`, { jobId, fence });
    const refs = [...this.#known.values()].reverse();
    return (
      (n < 0 ? undefined : refs[n % Math.max(1, refs.length)]) ?? {
        jobId: '__proto__',
        fence: { term: Number.MAX_SAFE_INTEGER, counter: 0 },
      }
    );
  }
}

function isOneOf<T extends string>(list: readonly T[], value: string): value is T {
  return (list as readonly string[]).includes(value);
}

function fuzz(seed: number, numRuns: number): void {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const fuzzed = new Fuzzed();
      for (const one of steps) fuzzed.apply(one);
      fuzzed.checkClock();
      fuzzed.checkNothingLeft();
      fuzzed.checkNobodyStuck(steps.length % 2 === 0);
    }),
    { seed, numRuns },
  );
}

test('no sequence of messages from agents makes the turn throw, leak, spin or keep a job for ever (fixed seed)', () => {
  fuzz(20_260_501, 250);
});

test('no sequence of messages from agents makes the turn throw, leak, spin or keep a job for ever (fresh seed)', (t) => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  fuzz(seed, 150);
});
