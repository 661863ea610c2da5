import assert from 'node:assert/strict';
import test from 'node:test';
import { lowerBoundMs } from '../../bench/schedule/bound.ts';
import { FailurePlan } from '../../bench/schedule/failures.ts';
import { mixed, type SimFarm, studio } from '../../bench/schedule/farms.ts';
import { arriveOver, generateJobs, randomFor, type SimJob } from '../../bench/schedule/jobs.ts';
import type { Policy, View } from '../../bench/schedule/policies/policy.ts';
import { makePolicy, policyNames } from '../../bench/schedule/scenarios.ts';
import { type RunResult, simulate } from '../../bench/schedule/simulate.ts';

const seed = 7;
const noise = 0.3;

function simJob(id: string, changes: Partial<SimJob> = {}): SimJob {
  const index = Number(id.replaceAll(/\D/gu, ''));
  return {
    id,
    index,
    userId: 'ann',
    workClass: 'h264',
    workMs: 600_000,
    outputMs: 600_000,
    bytes: 0,
    arrivesMs: 0,
    ...changes,
  };
}

/** Does what it is told, job by job, as soon as there is a slot. */
function scripted(farm: SimFarm, order: readonly (readonly [job: string, pc: number])[]): Policy {
  return {
    decide({ waiting, pcs }: View) {
      const free = new Map(pcs.map((seen) => [seen.pc, seen.freeSlots]));
      const starts = order.flatMap(([id, index]) => {
        const [pc, job] = [farm.pcs[index], waiting.find((each) => each.id === id)];
        if (pc === undefined || job === undefined || (free.get(pc) ?? 0) < 1) return [];
        free.set(pc, (free.get(pc) ?? 0) - 1);
        return [{ job, pc }];
      });
      return { starts, prefetch: new Map() };
    },
  };
}

function runScripted(
  farm: SimFarm,
  jobs: readonly SimJob[],
  order: readonly (readonly [string, number])[],
): RunResult {
  return simulate({ farm, jobs, policy: scripted(farm, order), noise: 0, reports: randomFor(0, 'reports') });
}

function endsOf({ records }: RunResult): Readonly<Record<string, number>> {
  return Object.fromEntries(records.map(({ job, endedMs }) => [job.id, Math.round(endedMs)]));
}

test('A job takes its work at the speed of its PC, and at 0.6 of it while another one runs there', () => {
  const jobs = [simJob('job-1'), simJob('job-2', { workMs: 300_000 }), simJob('job-3')];
  const result = runScripted(mixed, jobs, [
    ['job-1', 0],
    ['job-2', 0],
    ['job-3', 2],
  ]);
  // job-2: 300 s / 0.6 = 500 s; job-1: 300 s of its 600 s by then, the rest alone; job-3: 600 s / 0.45.
  assert.deepEqual(endsOf(result), { 'job-1': 800_000, 'job-2': 500_000, 'job-3': 1_333_333 });
});

test('A PC copies 110 MB/s alone, and three share 220 MB/s; a job renders when its files are there', () => {
  const bytes = 11_000_000_000;
  const alone = runScripted(studio, [simJob('job-1', { bytes })], [['job-1', 0]]);
  assert.deepEqual(endsOf(alone), { 'job-1': 700_000 });
  assert.equal(alone.records[0]?.copyingMs, 100_000);
  const jobs = ['job-1', 'job-2', 'job-3'].map((id) => simJob(id, { bytes }));
  const three = runScripted(studio, jobs, [
    ['job-1', 0],
    ['job-2', 1],
    ['job-3', 2],
  ]);
  assert.deepEqual(
    three.records.map(({ copyingMs }) => Math.round(copyingMs)),
    [150_000, 150_000, 150_000],
  );
});

test('Files that were announced are copied while the job waits; those of the job that holds the slot come first', () => {
  const bytes = 11_000_000_000;
  const [first, second] = [simJob('job-1', { bytes }), simJob('job-2', { bytes })];
  const [pc] = studio.pcs;
  assert.ok(pc !== undefined);
  const base = scripted(studio, [
    ['job-1', 0],
    ['job-2', 0],
  ]);
  const policy: Policy = {
    decide: (view) => ({ ...base.decide(view), prefetch: new Map([[pc, [second]]]) }),
  };
  const result = simulate({
    farm: studio,
    jobs: [first, second],
    policy,
    noise: 0,
    reports: randomFor(0, 'reports'),
  });
  assert.deepEqual(endsOf(result), { 'job-1': 700_000, 'job-2': 1_300_000 });
  assert.deepEqual(
    result.records.map(({ copyingMs }) => copyingMs),
    [100_000, 0],
  );
});

test('Slots that stand idle while a job waits that they could take are counted, and no others', () => {
  const jobs = [simJob('job-1', { workClass: 'av1' }), simJob('job-2', { workClass: 'av1' })];
  const farm: SimFarm = { ...mixed, pcs: mixed.pcs.slice(0, 3).map((pc) => ({ ...pc, slots: 1 })) };
  const result = runScripted(farm, jobs, [
    ['job-1', 0],
    ['job-2', 0],
  ]);
  // The second fast PC could have taken it for as long as it waited, the middle one never.
  assert.equal(Math.round(result.idleWhileWaitingMs), 600_000);
});

test('Failed PCs lose their jobs, which are begun again and all end once, under every policy', () => {
  const jobs = generateJobs(mixed, 40, randomFor(seed, 'jobs'), { noise });
  for (const name of policyNames) {
    const failures = new FailurePlan(mixed, 3_600_000, 1e9, randomFor(seed, 'failures'));
    const { records } = simulate({
      farm: mixed,
      jobs,
      policy: makePolicy(name, mixed, seed),
      noise,
      reports: randomFor(seed, 'reports'),
      failures,
    });
    assert.deepEqual(records.map(({ job }) => job.id).sort(), jobs.map(({ id }) => id).sort(), name);
    assert.ok(
      records.some(({ starts }) => starts > 1),
      `${name}: no PC failed under a job`,
    );
  }
});

test('A job that its PC has lost waits before all that came later', () => {
  const jobs = arriveOver(
    generateJobs(studio, 40, randomFor(seed, 'jobs'), { noise }),
    3_600_000,
    randomFor(seed, 'arrivals'),
  );
  const policy = makePolicy('fifo_any', studio, seed);
  let lost = 0;
  let before: ReadonlySet<SimJob> = new Set();
  simulate({
    farm: studio,
    jobs,
    policy: {
      decide(view) {
        const order = view.waiting.toSorted((a, b) => a.arrivesMs - b.arrivesMs);
        assert.deepEqual(view.waiting, order);
        lost += view.waiting.filter((job) => before.has(job)).length;
        const decision = policy.decide(view);
        before = new Set(decision.starts.map(({ job }) => job)).union(before);
        return decision;
      },
    },
    noise,
    reports: randomFor(seed, 'reports'),
    failures: new FailurePlan(studio, 3_600_000, 1e9, randomFor(seed, 'failures')),
  });
  assert.ok(lost > 0, 'no PC failed under a job');
});

test('The same seed gives the same run, another seed another one', () => {
  const runOf = (own: number): string => {
    const jobs = generateJobs(mixed, 30, randomFor(own, 'jobs'), { noise });
    const arriving = arriveOver(jobs, 3_600_000, randomFor(own, 'arrivals'));
    return policyNames
      .map((name) => {
        const policy = makePolicy(name, mixed, own);
        const result = simulate({
          farm: mixed,
          jobs: arriving,
          policy,
          noise,
          reports: randomFor(own, 'reports'),
        });
        return JSON.stringify(result.records.map(({ job, pc, endedMs }) => [job.id, pc.name, endedMs]));
      })
      .join('\n');
  };
  assert.equal(runOf(seed), runOf(seed));
  assert.notEqual(runOf(seed), runOf(seed + 1));
});

test('A policy that leaves jobs waiting for ever is found out', () => {
  const idle: Policy = { decide: () => ({ starts: [], prefetch: new Map() }) };
  assert.throws(
    () =>
      simulate({
        farm: studio,
        jobs: [simJob('job-1')],
        policy: idle,
        noise: 0,
        reports: randomFor(0, 'reports'),
      }),
    /1 jobs wait, and nothing will happen/u,
  );
});

test('The lower bound is what a hand finds', async () => {
  // Work 120 + 60 minutes of h264, 40 of av1; a fast PC (1 / 1, both sessions: 1.2), a slow one (0.5 / none, one session).
  const farm: SimFarm = {
    ...mixed,
    pcs: [
      {
        name: 'fast',
        speeds: new Map([
          ['h264', 1],
          ['av1', 1],
        ]),
        slots: 2,
        concurrentSpeeds: [1, 0.6],
      },
      { name: 'slow', speeds: new Map([['h264', 0.5]]), slots: 1, concurrentSpeeds: [1] },
    ],
  };
  const minutes = (workMs: number, workClass: string, id: string): SimJob =>
    simJob(id, { workClass, workMs: workMs * 60_000 });
  const jobs = [minutes(120, 'h264', 'job-1'), minutes(60, 'h264', 'job-2'), minutes(40, 'av1', 'job-3')];
  // All PCs busy to the end: 220 / (1.2 + 0.5) = 129.4 minutes.
  assert.ok(Math.abs((await lowerBoundMs(farm, jobs)) / 60_000 - 220 / 1.7) < 1e-6);
  // Mostly av1: the fast PC alone, (200 + h) / 1.2 = (60 - h) / 0.5, so h < 0 and all h264 goes to the slow one.
  const mostlyAv1 = [
    minutes(100, 'av1', 'job-1'),
    minutes(100, 'av1', 'job-2'),
    minutes(60, 'h264', 'job-3'),
  ];
  assert.ok(Math.abs((await lowerBoundMs(farm, mostlyAv1)) / 60_000 - 200 / 1.2) < 1e-6);
  // One long job: it cannot be shared out.
  assert.ok(Math.abs((await lowerBoundMs(farm, [minutes(90, 'h264', 'job-1')])) / 60_000 - 90) < 1e-6);
  await assert.rejects(lowerBoundMs(farm, [minutes(1, 'hevc', 'job-1')]), /renders hevc/u);
});
