import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Desk } from '../../../controller/scheduling/desk.ts';
import type { Effort } from '../../../controller/scheduling/forecast.ts';
import { makePlan } from '../../../controller/scheduling/plan.ts';
import type { PlannedAgent } from '../../../controller/scheduling/snapshot.ts';
import { agent, attempt, forecast, job, snapshot } from '../../helpers/planner-parts.ts';

/** Renders that share a PC, moved on tick by tick: when the last of the queue starts and ends. */
function simulated(
  slots: number,
  speeds: readonly number[],
  running: readonly number[],
  queue: readonly number[],
): { readonly startMs: number; readonly endMs: number } {
  const speedOf = (count: number) => speeds[Math.min(count, speeds.length) - 1] ?? 1;
  const left = running.map((etaMs) => ({ last: false, ms: etaMs * speedOf(running.length) }));
  const waiting = queue.map((ms, index) => ({ last: index === queue.length - 1, ms }));
  let startMs = 0;
  for (let nowMs = 0; ; nowMs += 1) {
    while (left.length < slots && waiting.length > 0) {
      const [next] = waiting.splice(0, 1);
      if (next?.last === true) startMs = nowMs;
      if (next !== undefined) left.push(next);
    }
    const done = speedOf(left.length);
    for (const each of left) each.ms -= done;
    for (const ended of left.filter(({ ms }) => ms <= 1e-9)) {
      if (ended.last) return { startMs, endMs: nowMs + 1 };
      left.splice(left.indexOf(ended), 1);
    }
  }
}

const works = { min: 1, max: 400 };

describe('a desk', () => {
  it('expects what renders that share a PC come to, as a simulation tick by tick says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom(1, 0.8, 0.6, 0.5, 0.25), { maxLength: 4 }),
        fc.array(fc.integer(works), { maxLength: 4 }),
        fc.array(fc.integer(works), { minLength: 1, maxLength: 6 }),
        (slots, speeds, etas, queue) => {
          const running = etas.slice(0, slots).map((etaMs) => attempt(etaMs));
          const desk = new Desk(agent('a', 1, { slots, concurrentSpeeds: speeds, running }));
          for (const [index, workMs] of queue.entries()) {
            const { startsInMs, endsInMs } = desk.book(ranked(index), effort({ workMs }));
            const seen = simulated(slots, speeds, etas.slice(0, slots), queue.slice(0, index + 1));
            // A tick is lost at each start and end, and what is left of it may be done at a quarter of the speed.
            const slackMs = 5 * (running.length + index + 2);
            assert.ok(
              Math.abs(startsInMs - seen.startMs) <= slackMs,
              `job ${index}: starts ${startsInMs}, not ${seen.startMs}`,
            );
            assert.ok(
              Math.abs(endsInMs - seen.endMs) <= slackMs,
              `job ${index}: ends ${endsInMs}, not ${seen.endMs}`,
            );
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('says before what a booking says, and never that two jobs hold a slot', () => {
    const jobs = fc.array(
      fc.record({ workMs: fc.integer(works), fetchMs: fc.integer({ min: 0, max: 400 }) }),
      {
        minLength: 1,
        maxLength: 10,
      },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        jobs,
        fc.array(fc.nat(300), { maxLength: 3 }),
        (slots, some, etas) => {
          const running = etas.slice(0, slots).map((etaMs) => attempt(etaMs));
          const desk = new Desk(agent('a', 1, { slots, running }));
          const spans = running.map(({ etaMs = 0 }) => ({ from: 0, to: Math.max(1, etaMs) }));
          for (const [index, part] of some.entries()) {
            const expectedMs = desk.completionMs(effort(part));
            const { startsInMs, endsInMs, fetchMs } = desk.book(ranked(index), effort(part));
            assert.ok(Math.abs(expectedMs - endsInMs) < 1e-6);
            assert.equal(
              fetchMs,
              Math.max(0, part.fetchMs - startsInMs),
              'what is fetched while it waits is not waited for',
            );
            assert.ok(Math.abs(endsInMs - startsInMs - fetchMs - part.workMs) < 1e-6);
            const beside = spans.filter(({ from, to }) => from <= startsInMs && startsInMs < to - 1e-6);
            assert.ok(beside.length < slots, `job ${index} starts beside ${beside.length} others`);
            spans.push({ from: startsInMs, to: endsInMs });
          }
          const waits = some.length - Math.max(0, slots - running.length);
          assert.equal(desk.next.length, Math.min(slots, Math.max(0, waits)), 'one is next for each slot');
        },
      ),
    );
  });

  it('promises its room to what starts now; what does not fit waits until something there has ended', () => {
    const busy = agent('a', 1, { slots: 3, running: [attempt(500)], scratchBytes: 100 });
    const desk = new Desk(busy);
    assert.equal(desk.book(ranked(1), effort({ workMs: 50, roomBytes: 60 })).startsInMs, 0);
    assert.equal(desk.startMs(effort({ roomBytes: 40 })), 0);
    assert.equal(desk.startMs(effort({ roomBytes: 41 })), 50);
    assert.equal(desk.book(ranked(2), effort({ workMs: 10, roomBytes: 41 })).startsInMs, 50);
    assert.equal(desk.freeInMs, 50, 'the slot is kept for it from now on');
    const limited = new Desk(agent('a', 1, { slots: 2 }));
    assert.equal(limited.book(ranked(1), effort({ workMs: 10 }), 100).startsInMs, 100);
    assert.equal(limited.book(ranked(2), effort({ workMs: 10 })).startsInMs, 100);
    assert.equal(limited.book(ranked(3), effort({ workMs: 10 })).startsInMs, 110);
  });
});

describe('a plan', () => {
  it('counts a copy only where it is not hidden behind the waiting', () => {
    // Two minutes of copying: by waiting for the busy agent as long, they cost nothing.
    const clips = job('j1', { outputMs: 60_000, sourceBytes: 120_000 * 110_000 });
    const where = (etaMs: number) => {
      const plan = makePlan(
        snapshot([clips], [agent('free', 1), agent('busy', 1, { running: [attempt(etaMs)] })]),
      );
      return plan.placements.map(({ agentId, startsInMs, fetchMs, endsInMs }) => [
        agentId,
        startsInMs,
        fetchMs,
        endsInMs,
      ]);
    };
    assert.deepEqual(where(120_000), [['free', 0, 120_000, 180_000]], 'a tie goes to the one that is free');
    const faster = agent('busy', 2, { running: [attempt(60_000)] });
    const [placement] = makePlan(snapshot([clips], [agent('free', 1), faster])).placements;
    assert.deepEqual(
      [placement?.agentId, placement?.startsInMs, placement?.fetchMs, placement?.endsInMs],
      ['busy', 60_000, 60_000, 150_000],
    );
  });

  it('sends a job to where its files and segments are, when that ends it first', () => {
    const there = (bytes: number, outputMs: number) => new Map([['has', { bytes, outputMs }]]);
    const agents = [agent('fast', 1.2), agent('has', 1)];
    const where = (present: ReturnType<typeof there>) =>
      makePlan(snapshot([job('j1', { sourceBytes: 1.1e9, present })], agents)).assignments[0]?.agentId;
    assert.equal(where(new Map()), 'fast');
    assert.equal(where(there(1.0e8, 0)), 'fast', '9 s of copying, 10 s of rendering more');
    assert.equal(where(there(1.1e9, 2_000)), 'has');
    assert.equal(where(there(0, 15_000)), 'has', 'segments are work done');
  });

  it('counts how much renders side by side cost each other', () => {
    const shared = (second: number): PlannedAgent =>
      agent('two', 1, { slots: 2, running: [attempt(600_000)], concurrentSpeeds: [1, second] });
    const where = (second: number) =>
      makePlan(snapshot([job('j1')], [shared(second), agent('alone', 0.7)])).assignments[0]?.agentId;
    assert.equal(where(0.8), 'two');
    assert.equal(where(0.6), 'alone');
  });

  it('takes what the agent says of what runs, and what is known of it otherwise', () => {
    const startOf = (changes: Partial<PlannedAgent['running'][number]>, part: Partial<PlannedAgent> = {}) => {
      const { etaMs, ...rest } = { ...attempt(0, { outputMs: 100_000, percent: 25 }), ...changes };
      const running = [changes.etaMs === undefined ? rest : { ...rest, etaMs: etaMs ?? 0 }];
      return makePlan(snapshot([job('j1')], [agent('a', 2, { running, ...part })])).placements[0]?.startsInMs;
    };
    assert.equal(startOf({}), 37_500);
    assert.equal(startOf({ etaMs: 5_000 }), 5_000);
    assert.equal(startOf({ etaMs: 5_000, stopping: true }), 1);
    assert.equal(startOf({ workClass: '4k' }), 150_000);
    assert.equal(startOf({}, { classes: new Map([['hd', forecast(1)]]) }), 75_000);
    assert.equal(startOf({}, { concurrentSpeeds: [0.5] }), 75_000);
  });
});

function ranked(n: number): Parameters<Desk['book']>[0] {
  return {
    ...{ job: job(`j${n}`), effectiveClass: 1, overdue: false, round: 0, turnMs: 0 },
    open: { line: { key: '', needs: job('j0'), behind: () => undefined, overdue: [] }, speed: 1 },
  };
}

function effort(changes: Partial<Effort>): Effort {
  return { workMs: 0, fetchMs: 0, roomBytes: 0, ...changes };
}
