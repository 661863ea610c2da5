import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobSpec } from '../../../controller/domain/job.ts';
import type { Inventory, SourcesReport } from '../../../proto/agent-link.ts';
import { finished, heartbeat, inventory, journalEvent } from '../../helpers/agent-messages.ts';
import { jobId, longJob, TurnFarm } from '../../helpers/turn-farm.ts';

const minute = 60_000;

function attachWith(
  farm: TurnFarm,
  agentId: string,
  speed: number,
  features = ['sources'],
  changes: Partial<Inventory> = {},
) {
  const speeds = [{ workClass: 'hd', speed, runs: 3 } as const];
  return farm.attach(agentId, {
    features,
    inventory: inventory({ hostname: agentId, speeds, copyBytesPerSecond: 1e6, ...changes }),
  });
}

/** A busy farm: pc1 and pc2 each have a long job, ten others wait, the first of them first. */
function busyFarm(features: readonly string[] = ['sources']): { farm: TurnFarm; pc1: string; pc2: string } {
  const farm = new TurnFarm();
  const pc1 = attachWith(farm, 'pc1', 1, [...features]);
  const pc2 = attachWith(farm, 'pc2', 0.9, [...features]);
  farm.submit(longJob(101, 100, only('pc1')));
  farm.submit(longJob(102, 100, only('pc2')));
  for (const session of [pc1, pc2]) accept(farm, session);
  for (let n = 1; n <= 10; n += 1) farm.submit(longJob(n, 1 + n / 100));
  return { farm, pc1, pc2 };
}

function only(agentId: string): Partial<JobSpec> {
  return { wishes: { onlyOn: [agentId], notOn: [], labels: [] } };
}

function accept(farm: TurnFarm, session: string): void {
  const { ref } = farm.assigned(session);
  farm.say(session, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
}

/** Time passes, and the agents are heard of all the while. */
function passHeard(farm: TurnFarm, sessions: readonly string[], seconds: number): void {
  for (let left = seconds; left > 0; left -= 10) {
    for (const session of sessions) farm.say(session, heartbeat);
    farm.pass(Math.min(left, 10) * 1_000);
  }
}

function asked(farm: TurnFarm, sessionId: string): readonly string[] {
  return farm.sent.flatMap(({ sessionId: to, message }) =>
    to === sessionId && message.kind === 'ask-sources' ? [message.jobId] : [],
  );
}

function report(n: number, presentBytes: number, totalBytes: number, presentOutputMs = 0): SourcesReport {
  return { kind: 'sources-report', jobId: jobId(n), presentBytes, totalBytes, presentOutputMs };
}

describe('agents are asked what they have of a job', () => {
  it('one job at a time each, those that are next, and none twice', () => {
    const { farm, pc1, pc2 } = busyFarm();
    for (const session of [pc1, pc2]) assert.equal(asked(farm, session).length, 1);
    farm.pass(1_000);
    assert.equal(asked(farm, pc1).length, 1, 'it has not answered yet');
    for (let answers = 0; answers < 20; answers += 1) {
      const last = asked(farm, pc1).at(-1) ?? '';
      farm.say(pc1, { ...report(0, 0, 1e6), jobId: last });
    }
    const jobs = asked(farm, pc1);
    assert.equal(new Set(jobs).size, jobs.length, 'none twice');
    assert.ok(jobs.length >= 8, `${jobs.length} were asked for`);
    assert.ok(!jobs.includes(jobId(101)), 'not of what runs');
  });

  it('a few at a time: the others when the next plan is made', () => {
    const farm = new TurnFarm();
    const names = ['pc1', 'pc2', 'pc3', 'pc4', 'pc5', 'pc6'];
    const sessions = names.map((name) => attachWith(farm, name, 1));
    for (const [index, name] of names.entries()) farm.submit(longJob(100 + index, 100, only(name)));
    for (const session of sessions) accept(farm, session);
    const askedSoFar = () => sessions.filter((session) => asked(farm, session).length > 0).length;
    assert.equal(askedSoFar(), 0);
    farm.submit(longJob(1, 1));
    assert.equal(askedSoFar(), 4);
    farm.pass(1_000);
    assert.equal(askedSoFar(), 6);
  });

  it('one at a time where the job is long: what it is asked with takes time to encode', () => {
    const farm = new TurnFarm();
    const names = ['pc1', 'pc2', 'pc3'];
    const sessions = names.map((name) => attachWith(farm, name, 1));
    for (const [index, name] of names.entries()) farm.submit(longJob(100 + index, 100, only(name)));
    for (const session of sessions) accept(farm, session);
    const [item] = longJob(1, 1).items;
    assert.ok(item !== undefined);
    const items = Array.from({ length: 1_000 }, (_, position) => ({ ...item, position, durationMs: 1_000 }));
    farm.submit(longJob(1, 1, { items }));
    const askedSoFar = () => sessions.filter((session) => asked(farm, session).length > 0).length;
    assert.equal(askedSoFar(), 1);
    farm.pass(1_000);
    assert.equal(askedSoFar(), 2);
  });

  it('again about another one when they do not answer for a minute', () => {
    const { farm, pc1, pc2 } = busyFarm();
    const [first] = asked(farm, pc1);
    passHeard(farm, [pc1, pc2], 59);
    assert.equal(asked(farm, pc1).length, 1);
    passHeard(farm, [pc1, pc2], 1);
    assert.equal(asked(farm, pc1).length, 2);
    assert.notEqual(asked(farm, pc1)[1], first);
  });

  it('where they know the question, take jobs of that queue, and may take new ones', () => {
    const { farm, pc1 } = busyFarm([]);
    assert.deepEqual(asked(farm, pc1), []);
    const other = attachWith(farm, 'pc3', 1, ['sources'], { queues: ['4k_queue'] });
    farm.pass(1_000);
    assert.deepEqual(asked(farm, other), []);
  });

  it('again when the stream ended before they answered, not when they had', () => {
    const { farm, pc1 } = busyFarm();
    for (let n = 5; n <= 10; n += 1) farm.cancel(jobId(n));
    const [first = ''] = asked(farm, pc1);
    const back = (instanceId: string) => {
      const held = [{ ref: ref101, state: 'preparing', percent: 0 } as const];
      const speeds = [{ workClass: 'hd', speed: 1, runs: 3 } as const];
      const changes = { hostname: 'pc1', speeds, copyBytesPerSecond: 1e6 };
      return farm.attach('pc1', { instanceId, features: ['sources'], held, inventory: inventory(changes) });
    };
    const ref101 = farm.assigned(pc1).ref;
    const { instanceId = '' } = farm.state.presences.get('pc1') ?? {};
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    const again = back(instanceId);
    const answerAll = (session: string) => {
      for (let answers = 0; answers < 20; answers += 1)
        farm.say(session, { ...report(0, 0, 1e6), jobId: asked(farm, session).at(-1) ?? '' });
    };
    answerAll(again);
    assert.ok(asked(farm, again).includes(first), 'the question was lost with the stream');
    farm.run({ kind: 'stream-ended', sessionId: again, how: 'closed' });
    const third = back(instanceId);
    answerAll(third);
    assert.ok(!asked(farm, third).includes(first), 'it has told');
  });

  it('again of a job that they had: they have more of it now', () => {
    const { farm, pc1 } = busyFarm();
    for (let answers = 0; answers < 20; answers += 1)
      farm.say(pc1, { ...report(0, 0, 1e6), jobId: asked(farm, pc1).at(-1) ?? '' });
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, journalEvent(1, ref, { type: 'encoded' }));
    const { jobId: next, ref: nextRef } = { ...farm.assigned(pc1), jobId: farm.assigned(pc1).ref.jobId };
    assert.notEqual(next, jobId(101));
    accept(farm, pc1);
    const known = () => farm.state.sources.get(next)?.asked.has('pc1');
    assert.equal(known(), true);
    farm.say(
      pc1,
      journalEvent(2, nextRef, {
        type: 'finished',
        finished: finished({ outcome: 'failed', failureClass: 'environment' }),
      }),
    );
    assert.equal(known(), false);
  });

  it('not of jobs that start at once', () => {
    const farm = new TurnFarm();
    const pc1 = attachWith(farm, 'pc1', 1);
    farm.submit(longJob(1, 10));
    assert.deepEqual(asked(farm, pc1), []);
  });
});

describe('what an agent has', () => {
  /** pc1 is a little faster; both have half an hour to go. Who is to prefetch job 1 when two minutes have passed. */
  function nextOf(told?: SourcesReport): string | undefined {
    const farm = new TurnFarm();
    const pc1 = attachWith(farm, 'pc1', 1);
    const pc2 = attachWith(farm, 'pc2', 0.9);
    farm.submit(longJob(101, 30, only('pc1')));
    farm.submit(longJob(102, 27, only('pc2')));
    for (const session of [pc1, pc2]) accept(farm, session);
    farm.submit(longJob(1, 10));
    assert.equal(farm.state.announcements.get(jobId(1))?.agentId, 'pc1');
    if (told !== undefined) farm.say(pc2, told);
    passHeard(farm, [pc1, pc2], 130);
    return farm.state.announcements.get(jobId(1))?.agentId;
  }

  it('draws the job there when that pays, and is no matter when it does not', () => {
    assert.equal(nextOf(), 'pc1');
    assert.equal(nextOf(report(1, 6e9, 6e9, 5 * minute)), 'pc2', 'half of it is rendered there');
    assert.equal(nextOf(report(1, 1e9, 4e9)), 'pc1', '16 min are not worth 50 min of copying there');
    assert.equal(nextOf(report(1, 4e9, 4e9)), 'pc2', '67 min of copying, of which the waiting hides half');
  });

  it('is known from prefetching too, which never has less than was known', () => {
    const { farm, pc1 } = busyFarm();
    const present = () => farm.state.sources.get(jobId(1))?.byAgent.get('pc1');
    const fetched = (bytes: number, totalBytes?: number) =>
      farm.say(pc1, {
        ...{
          kind: 'prefetch-report',
          announcementId: '1-1',
          jobId: jobId(1),
          state: 'fetching',
          files: 1,
          bytes,
        },
        ...(totalBytes !== undefined && { totalBytes }),
      });
    fetched(5e6, 9e6);
    assert.deepEqual(present(), { bytes: 5e6, outputMs: 0 });
    farm.say(pc1, report(1, 7e6, 9e6, 1_000));
    fetched(6e6);
    assert.deepEqual(present(), { bytes: 7e6, outputMs: 1_000 });
    fetched(0, 0);
    assert.equal(farm.state.sources.get(jobId(1))?.totalBytes, 9e6, 'nothing is no size of a job’s sources');
    farm.say(pc1, { ...report(1, 0, 0), message: 'no share' });
    assert.deepEqual(present(), { bytes: 7e6, outputMs: 1_000 }, 'it could not look');
  });

  it('is forgotten with the job, and never told of one that is not open', () => {
    const { farm, pc1 } = busyFarm();
    farm.say(pc1, report(1, 1, 2));
    assert.ok(farm.state.sources.has(jobId(1)));
    farm.cancel(jobId(1));
    assert.ok(!farm.state.sources.has(jobId(1)));
    farm.say(pc1, report(1, 1, 2));
    farm.say(pc1, report(999, 1, 2));
    assert.ok(!farm.state.sources.has(jobId(1)) && !farm.state.sources.has(jobId(999)));
  });

  it('is what it was asked for or told to fetch, and nothing else', () => {
    const { farm, pc1 } = busyFarm();
    const unasked = [...farm.state.jobs.keys()].find((id) => !asked(farm, pc1).includes(id)) ?? '';
    farm.state.announcements.delete(unasked);
    farm.say(pc1, { ...report(0, 1e15, 1e15), jobId: unasked });
    farm.say(pc1, {
      ...{ kind: 'prefetch-report', announcementId: '1-9', jobId: unasked, state: 'fetching' },
      ...{ files: 1, bytes: 1e15, totalBytes: 1e15 },
    });
    assert.equal(farm.state.sources.get(unasked)?.totalBytes, undefined);
  });

  it('is in all the least that anybody has told: one wrong figure is not everybody’s', () => {
    const { farm, pc1, pc2 } = busyFarm();
    const [first = ''] = asked(farm, pc1);
    assert.deepEqual(asked(farm, pc2), [first]);
    farm.say(pc1, { ...report(0, 0, Number.MAX_SAFE_INTEGER), jobId: first });
    farm.say(pc2, { ...report(0, 0, 5e8), jobId: first });
    assert.equal(farm.state.sources.get(first)?.totalBytes, 5e8);
    farm.say(pc1, { ...report(0, 0, 9e15), jobId: first });
    assert.equal(farm.state.sources.get(first)?.totalBytes, 5e8);
  });

  it('is of no weight where the figures are out of this world', () => {
    const { farm, pc1, pc2 } = busyFarm();
    farm.say(pc1, report(1, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
    farm.say(pc2, report(1, 0, Number.MAX_SAFE_INTEGER));
    farm.pass(1_000);
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.say(pc2, journalEvent(1, farm.assigned(pc2).ref, { type: 'encoded' }));
    assert.notEqual(farm.assigned(pc2).ref.jobId, jobId(102), 'the slot that is free is filled');
  });
});
