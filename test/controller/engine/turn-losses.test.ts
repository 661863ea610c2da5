import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heartbeat, inventory, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { heldAs, jobId, jobSpec, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

const minute = 60_000;

/** As many agents as given, each with a job of its own that runs. */
function busyFarm(agents: number): { farm: TurnFarm; sessions: string[] } {
  const farm = new TurnFarm();
  const sessions = Array.from({ length: agents }, (_, index) => farm.attach(`pc${index + 1}`));
  for (let n = 1; n <= agents; n += 1) farm.submit(jobSpec(n));
  for (const session of sessions) {
    const { ref } = farm.assigned(session);
    farm.say(session, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
  }
  return { farm, sessions };
}

function losses(farm: TurnFarm): number[] {
  return [...farm.state.jobs.values()].map((job) => job.losses);
}

describe('losses', () => {
  it('do not count when at least three agents, and half of those attached, fall silent in the same minute', () => {
    const { farm, sessions } = busyFarm(4);
    farm.pass(20_000);
    for (const session of sessions.slice(3)) farm.say(session, heartbeat);
    farm.pass(20_000);
    assert.deepEqual(losses(farm), [0, 0, 0, 0]);
    assert.ok(farm.logged.includes('mass-loss'));
  });

  it('that were counted before the others fell silent are uncounted', () => {
    const { farm, sessions } = busyFarm(3);
    farm.pass(30_000);
    for (const session of sessions.slice(1)) farm.say(session, heartbeat);
    farm.pass(10_000);
    assert.equal(farm.state.jobs.get(jobId(1))?.losses, 1, 'pc1 seemed to be alone');
    farm.pass(30_000);
    assert.deepEqual(losses(farm), [0, 0, 0]);
  });

  it('count when two fall silent, when most stay, and always when the connection was broken', () => {
    const two = busyFarm(2);
    two.farm.pass(40_000);
    assert.deepEqual(losses(two.farm), [1, 1]);
    const most = busyFarm(8);
    most.farm.pass(20_000);
    for (const session of most.sessions.slice(3)) most.farm.say(session, heartbeat);
    most.farm.pass(20_000);
    assert.deepEqual(losses(most.farm), [1, 1, 1, 0, 0, 0, 0, 0]);
    const cut = busyFarm(3);
    for (const sessionId of cut.sessions) cut.farm.run({ kind: 'stream-ended', sessionId, how: 'closed' });
    cut.farm.pass(10_000);
    assert.deepEqual(losses(cut.farm), [1, 1, 1]);
  });

  it('take a job out of quarantine when they turn out not to count', () => {
    const { farm, sessions } = busyFarm(3);
    const job = farm.state.jobs.get(jobId(1));
    assert.ok(job);
    const body = { ...job, losses: 2 };
    farm.state.jobs.set(jobId(1), body);
    farm.stored.set(`job/${jobId(1)}`, { kind: 'job', id: jobId(1), version: 1, body });
    farm.pass(30_000);
    for (const session of sessions.slice(1)) farm.say(session, heartbeat);
    farm.pass(10_000);
    assert.equal(farm.jobState(jobId(1)), 'quarantined');
    farm.pass(30_000);
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.equal(farm.state.jobs.get(jobId(1))?.losses, 2);
  });

  it('keep a host from the job when it was away for more than a minute, while another is there', () => {
    const { farm, pc1 } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    farm.pass(minute + 1);
    const back = farm.attach('pc1');
    assert.equal(farm.assigned(back).attemptNumber, 2, 'alone, it gets the job again');
    const other = runningFarm();
    other.farm.run({ kind: 'stream-ended', sessionId: other.pc1, how: 'closed' });
    other.farm.pass(10_000);
    other.farm.pass(minute + 1);
    const snail = inventory({
      encoders: [
        {
          encoder: 'libx264',
          rung: 'libx264',
          hardware: false,
          max: '2160p',
          framesPerSecond: 1,
          sessionsProbed: 1,
        },
      ],
    });
    const hello = { inventory: snail };
    other.farm.state.planStale = false;
    const pc2 = other.farm.attach('pc2', hello);
    assert.equal(other.farm.assigned(pc2).attemptNumber, 2);
  });
});

describe('run time', () => {
  it('is ended by the controller a minute after the hard limit, and the waiting that was reported does not count', () => {
    const { farm, pc1, ref } = runningFarm();
    const { hardRunMs, hardRunMarginMs } = farm.settings.times;
    const waited = { reason: 'share clips', waitedMs: 10 * minute };
    const step = 4_000;
    const progress = {
      kind: 'progress',
      ref,
      state: 'running',
      percent: 1,
      framesDone: 1,
      framesTotal: 9,
    } as const;
    farm.say(pc1, { ...progress, waiting: waited });
    for (let at = 0; at < hardRunMs + hardRunMarginMs + waited.waitedMs - step; at += step) {
      farm.pass(step);
      farm.say(pc1, progress);
    }
    assert.equal(farm.jobState(jobId(1)), 'running');
    farm.pass(step);
    assert.equal(farm.last(pc1, 'cancel').mode, 'kill');
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'timed-out');
    assert.equal(farm.jobState(jobId(1)), 'failed', 'nobody else would be faster');
  });

  it('that is over fails the job, except where another host is predicted to end it in time', () => {
    const { farm, pc1, ref } = runningFarm();
    const over = { outcome: 'timed-out', message: 'the soft limit', problems: [], stderrTail: [] } as const;
    const usage = farm.state.attempts.get(`${jobId(1)}/1.1`);
    assert.ok(usage);
    farm.attach('pc2');
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: { ...over, usage: noUsage } }));
    assert.equal(farm.jobState(jobId(1)), 'delayed');
    assert.equal(farm.state.jobs.get(jobId(1))?.charged, 1);
  });
});

const noUsage = {
  copiedFiles: 0,
  copiedBytes: 0,
  reusedFiles: 0,
  reusedBytes: 0,
  segmentsRendered: 0,
  segmentsReused: 0,
  framesEncoded: 0,
  runMs: 0,
  waitedForSharesMs: 0,
};

describe('an agent that is heard', () => {
  /** Heartbeats and nothing else. */
  function beat(farm: TurnFarm, session: string, forMs: number): void {
    for (let at = 0; at < forMs; at += 5_000) {
      farm.pass(5_000);
      farm.say(session, heartbeat);
    }
  }

  it('but says nothing of its job for 5 minutes is probed, then loses it', () => {
    const { farm, pc1, ref } = runningFarm();
    beat(farm, pc1, 5 * minute - 5_000);
    assert.equal(farm.all('probe').length, 0);
    beat(farm, pc1, 10_000);
    assert.equal(farm.all('probe').length, 1);
    assert.equal(farm.jobState(jobId(1)), 'running');
    beat(farm, pc1, 15_000);
    assert.deepEqual(farm.last(pc1, 'cancel').ref, ref);
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'lost');
  });

  it('and speaks of its job after the probe keeps it', () => {
    const { farm, pc1, ref } = runningFarm();
    beat(farm, pc1, 5 * minute + 5_000);
    farm.say(pc1, { kind: 'progress', ref, state: 'running', percent: 5, framesDone: 1, framesTotal: 2 });
    beat(farm, pc1, 4 * minute);
    assert.equal(farm.jobState(jobId(1)), 'running');
  });

  it('but never says that it stopped gives its slot back in the end', () => {
    const { farm, pc1 } = runningFarm();
    farm.submit(jobSpec(2));
    farm.cancel(jobId(1));
    beat(farm, pc1, 5 * minute - 5_000);
    assert.equal(farm.jobState(jobId(2)), 'waiting');
    beat(farm, pc1, 5_000);
    assert.equal(farm.jobState(jobId(2)), 'assigned');
    assert.ok(farm.state.alarms.some(({ event }) => event === 'stop-unanswered'));
  });
});

describe('a row of restarts', () => {
  it('has one recovery window, from its first', () => {
    const { farm } = runningFarm();
    farm.restart();
    const untilMs = farm.state.recoveryUntilMs;
    assert.equal(untilMs, farm.nowMs + minute);
    farm.nowMs += 20_000;
    farm.restart();
    assert.equal(farm.state.recoveryUntilMs, untilMs);
    farm.nowMs += minute;
    farm.restart();
    assert.equal(farm.state.recoveryUntilMs, undefined, 'it is used up');
    assert.equal(farm.jobState(jobId(1)), 'running', 'the silence clock begins at the start');
    farm.pass(39_999);
    assert.equal(farm.jobState(jobId(1)), 'running');
    farm.pass(1);
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.nowMs += 6 * minute;
    farm.restart();
    assert.equal(farm.state.recoveryUntilMs, farm.nowMs + minute, 'another row begins');
  });
});

describe('catching up', () => {
  it('takes from what an agent holds how far it is, where the store has lost its events', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'ours' });
    farm.attach('pc1', { firstUnackedEvent: 5, held: [heldAs(ref, 'finishing')] });
    assert.equal(farm.jobState(jobId(1)), 'finishing');
    const back = farm.attach('pc1', { firstUnackedEvent: 6, held: [{ ...heldAs(ref, 'ready'), manifest }] });
    assert.deepEqual(farm.last(back, 'publish-grant').ref, ref);
  });
});
