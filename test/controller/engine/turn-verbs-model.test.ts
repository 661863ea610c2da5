import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JobRecord } from '../../../controller/domain/job.ts';
import type { Reply } from '../../../controller/engine/turn/inputs.ts';
import type { JobRef, PriorityClass } from '../../../proto/agent-link.ts';
import { finished, heartbeat, inventory, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import * as model from '../../helpers/job-model.ts';
import { agentOrder, jobId, jobOrder, jobSpec, priorityOrder, TurnFarm } from '../../helpers/turn-farm.ts';

/** Jobs 1 and 2 find an agent at once; nobody is subscribed to the queue of job 3. */
const unplaceable = 3;
/** Further ahead than any history goes. */
const notBefore = 1_000_000_000_000 + 3_600_000;

type Step =
  | { readonly kind: 'submit'; readonly n: number; readonly requestId: string; readonly later: boolean }
  | {
      readonly kind: model.ModelVerb;
      readonly n: number;
      readonly requestId: string;
      readonly reason: string;
      readonly priority: PriorityClass;
    }
  | {
      readonly kind: 'fail';
      readonly n: number;
      readonly of: 'input' | 'job' | 'environment';
      readonly cause: string;
    }
  | { readonly kind: 'ready' | 'publish'; readonly n: number }
  | { readonly kind: 'lose' | 'wake' | 'restart' };

const n = fc.integer({ min: 1, max: 3 });
const requestId = fc.constantFrom('', '', 'r1', 'r2', 'r3');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('submit' as const), n, requestId, later: fc.boolean() }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('cancel', 'retry', 'hold', 'release', 'priority' as const),
      n,
      requestId,
      reason: fc.constantFrom('', 'why'),
      priority: fc.constantFrom('low', 'normal', 'urgent' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      n,
      of: fc.constantFrom('input', 'job', 'environment', 'environment' as const),
      cause: fc.constantFrom('DISK_FULL', 'ENCODER_UNAVAILABLE'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('ready', 'publish' as const), n }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('lose', 'wake', 'wake', 'restart' as const) }) },
);

/** The real turn and the model side by side. */
class Pair {
  readonly farm = new TurnFarm();
  readonly jobs = new Map<number, model.ModelJob>();
  /** By request id: what it was used for. */
  readonly requests = new Map<string, string>();
  #session = '';
  #instance = 1;
  #event = 0;

  constructor() {
    this.farm.random = 0;
    this.#attach();
  }

  apply(one: Step): void {
    switch (one.kind) {
      case 'submit':
        this.#submit(one);
        break;
      case 'fail':
        this.#end(one.n, (job, ref) => {
          model.fail(job, one.of, one.cause);
          const problems = [{ code: one.cause, message: 'x' }];
          this.#say(ref, finished({ outcome: 'failed', failureClass: one.of, message: 'x', problems }));
        });
        break;
      case 'ready':
      case 'publish':
        this.#end(one.n, (job, ref) => this.#publish(job, ref, one.kind === 'publish'));
        break;
      case 'lose':
        this.#instance += 1;
        this.farm.run({ kind: 'stream-ended', sessionId: this.#session, how: 'closed' });
        for (const job of this.jobs.values()) if (job.state === 'active') model.lose(job);
        this.#attach();
        break;
      case 'restart':
        this.farm.restart();
        this.#comeBack();
        this.#wake();
        break;
      case 'wake':
        this.#wake();
        break;
      default:
        this.#wish(one);
    }
    this.#settle();
    this.#compare();
  }

  #submit({ n: number, requestId: id, later }: Extract<Step, { kind: 'submit' }>): void {
    const spec = jobSpec(number, {
      enable4k: number === unplaceable,
      ...(later && { notBeforeMs: notBefore }),
    });
    const reply = this.farm.submit(spec, id);
    const key = `submit ${number} ${String(later)}`;
    const used = id === '' ? undefined : this.requests.get(id);
    if (used !== undefined && used !== key) assert.equal(codeOf(reply), 'REQUEST_ID_REUSED');
    else {
      assert.equal(reply.kind === 'submitted' && reply.reply.existed, this.jobs.has(number));
      if (this.jobs.has(number)) return;
      this.jobs.set(number, model.newJob(number !== unplaceable, later));
      if (id !== '') this.requests.set(id, key);
    }
  }

  #wish(one: Extract<Step, { reason: string }>): void {
    const { kind, n: number, requestId: id, reason, priority } = one;
    const plain = kind === 'priority' ? priorityOrder(number, priority, id) : jobOrder(kind, number, id);
    const answer = codeOf(this.farm.order({ ...plain, reason }));
    const key = `${kind} ${number} ${reason} ${kind === 'priority' ? priority : ''}`;
    const used = id === '' ? undefined : this.requests.get(id);
    if (used !== undefined) {
      assert.equal(answer, used === key ? 'done' : 'REQUEST_ID_REUSED');
      return;
    }
    const job = this.jobs.get(number);
    const expected = job === undefined ? 'JOB_NOT_FOUND' : model.wish(job, kind, priority);
    assert.equal(answer, expected, `${kind} of job ${number}`);
    if (expected === 'done' && id !== '') this.requests.set(id, key);
  }

  /** The job's live attempt ends, where it has one and is not publishing already. */
  #end(number: number, how: (job: model.ModelJob, ref: JobRef) => void): void {
    const job = this.jobs.get(number);
    const fence = this.farm.state.jobs.get(jobId(number))?.fence;
    if (job === undefined || fence === undefined) return;
    const ref = { jobId: jobId(number), fence };
    if (job.state === 'active') how(job, ref);
    else if (job.state === 'publishing') this.#finishPublishing(job, ref);
  }

  #publish(job: model.ModelJob, ref: JobRef, toTheEnd: boolean): void {
    this.farm.say(this.#session, journalEvent(++this.#event, ref, { type: 'ready', manifest }));
    job.state = 'publishing';
    if (toTheEnd) this.#finishPublishing(job, ref);
  }

  #finishPublishing(job: model.ModelJob, ref: JobRef): void {
    this.#say(ref, finished({ outcome: 'published' }));
    job.state = 'published';
  }

  #say(ref: JobRef, end: ReturnType<typeof finished>): void {
    this.farm.say(this.#session, journalEvent(++this.#event, ref, { type: 'finished', finished: end }));
  }

  #wake(): void {
    this.farm.pass(1);
    this.farm.say(this.#session, heartbeat);
    for (const job of this.jobs.values()) model.wake(job);
  }

  /** Assignments are accepted, and the host, on which everything fails, is taken for well. */
  #settle(): void {
    for (const attempt of this.farm.state.attempts.values()) {
      if (attempt.state !== 'assigned') continue;
      const ref = { jobId: attempt.jobId, fence: attempt.fence };
      const message = {
        kind: 'assignment-reply',
        ref,
        accepted: true,
        presentBytes: 0,
        presentSegments: 0,
      } as const;
      this.farm.say(this.#session, message);
    }
    if (this.farm.state.agents.get('pc1')?.health?.sick) this.farm.order(agentOrder('uncordon', 'pc1'));
  }

  #compare(): void {
    for (const [number, expected] of this.jobs) {
      const job = this.farm.state.jobs.get(jobId(number));
      assert.ok(job, `job ${number} is gone`);
      const { state, charged, losses, attempts, priority } = expected;
      assert.deepEqual(
        [stateOf(job), job.charged, job.losses, job.attemptCount, job.priority],
        [state, charged, losses, attempts, priority],
        `job ${number}`,
      );
      for (const [cause, count] of expected.failures) {
        assert.equal(job.environmentFailures.filter((failure) => failure.cause === cause).length, count);
      }
      // An open job has no end, and one that ended no lease.
      const isEnded = ['published', 'failed', 'quarantined', 'cancelled'].includes(job.state);
      assert.equal(job.endedAtMs !== undefined, isEnded);
      assert.equal(job.fence !== undefined, state === 'active' || state === 'publishing');
    }
  }

  #attach(held: readonly JobRef[] = []): void {
    this.#session = this.farm.attach('pc1', {
      instanceId: `pc1-${this.#instance}`,
      inventory: inventory({ slots: 1_000, queues: ['default_queue'] }),
      lastEvent: this.#event,
      firstUnackedEvent: this.#event + 1,
      held: held.map((ref) => ({ ref, state: 'running', percent: 1 })),
    });
  }

  /** The same process after a restart of the controller: it holds what it held. */
  #comeBack(): void {
    this.#attach(
      [...this.farm.state.attempts.values()]
        .filter(({ state }) => state !== 'ended')
        .map(({ jobId: id, fence }) => ({ jobId: id, fence })),
    );
  }
}

function codeOf(reply: Reply): string {
  return reply.kind === 'refused' ? reply.code : reply.kind;
}

function stateOf({ state }: JobRecord): model.ModelJob['state'] {
  switch (state) {
    case 'assigned':
    case 'preparing':
    case 'running':
    case 'finishing':
    case 'ready':
      return 'active';
    default:
      return state;
  }
}

function compare(seed: number, numRuns: number): void {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const pair = new Pair();
      for (const one of steps) pair.apply(one);
    }),
    { seed, numRuns },
  );
}

test('verbs and outcomes do to jobs what the model says, each request once (fixed seed)', () => {
  compare(20_261_122, 150);
});

test('verbs and outcomes do to jobs what the model says, each request once (fresh seed)', (t) => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  compare(seed, 100);
});
