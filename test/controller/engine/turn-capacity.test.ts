import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Inventory, JobRef } from '../../../proto/agent-link.ts';
import {
  finished,
  heartbeat,
  inventory,
  journalEvent,
  manifest,
  usage,
} from '../../helpers/agent-messages.ts';
import { jobId, jobSpec, longJob, TurnFarm } from '../../helpers/turn-farm.ts';

const minute = 60_000;

function speeds(hd: number, uhd = hd / 4): Partial<Inventory> {
  return {
    speeds: [
      { workClass: 'hd', speed: hd, runs: 3 },
      { workClass: '4k', speed: uhd, runs: 3 },
    ],
    // Copying is none of these tests'.
    copyBytesPerSecond: 1e12,
  };
}

function attachWith(farm: TurnFarm, agentId: string, changes: Partial<Inventory>): string {
  return farm.attach(agentId, { inventory: inventory({ hostname: agentId, ...changes }) });
}

function agentOf(farm: TurnFarm, n: number): string | undefined {
  return farm.jobState(jobId(n)) === 'waiting' ? undefined : farm.state.jobs.get(jobId(n))?.agentId;
}

function start(farm: TurnFarm, sessionId: string, ref: JobRef, event: number, totalFrames = 0): void {
  farm.say(sessionId, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
  farm.say(
    sessionId,
    journalEvent(event, ref, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames }),
  );
}

function progress(farm: TurnFarm, sessionId: string, ref: JobRef, etaMs: number): void {
  farm.say(sessionId, {
    kind: 'progress',
    ref,
    state: 'running',
    percent: 10,
    framesDone: 1,
    framesTotal: 10,
    etaMs,
  });
}

/** The job that the session was assigned last runs and is published; the events have these numbers from here. */
function publish(farm: TurnFarm, sessionId: string, event: number, runMs: number): void {
  const { ref, output } = farm.assigned(sessionId);
  start(farm, sessionId, ref, event);
  farm.say(sessionId, journalEvent(event + 1, ref, { type: 'encoded' }));
  farm.say(sessionId, journalEvent(event + 2, ref, { type: 'ready', manifest }));
  const publishedPath = `\\\\nas\\Results\\${output.finalName}`;
  const done = finished({
    outcome: 'published',
    publishedPath,
    usage: { ...usage, runMs, waitedForSharesMs: 1_000 },
  });
  farm.say(sessionId, journalEvent(event + 3, ref, { type: 'finished', finished: done }));
}

describe('where a job goes', () => {
  it('is the fastest PC by its measured speed, for the job’s class of work', () => {
    const farm = new TurnFarm();
    attachWith(farm, 'pc1', speeds(2, 1));
    attachWith(farm, 'pc2', speeds(3, 0.5));
    farm.submit(longJob(1, 10));
    assert.equal(agentOf(farm, 1), 'pc2');
    farm.submit(longJob(2, 10, { enable4k: true }));
    assert.equal(agentOf(farm, 2), 'pc1');
  });

  it('is a PC that is busy where that ends it earlier, by what its agent says of its render', () => {
    const farm = new TurnFarm();
    const pc1 = attachWith(farm, 'pc1', speeds(10));
    farm.submit(longJob(1, 600));
    const { ref } = farm.assigned(pc1);
    start(farm, pc1, ref, 1);
    attachWith(farm, 'pc2', speeds(1));
    progress(farm, pc1, ref, 30 * minute);
    farm.submit(longJob(2, 10));
    assert.equal(agentOf(farm, 2), 'pc2', '10 min of work there, 30 of waiting here');
    progress(farm, pc1, ref, minute);
    const pc3 = attachWith(farm, 'pc3', speeds(0.6));
    farm.submit(longJob(3, 10));
    assert.equal(agentOf(farm, 3), undefined, '17 min of work there, one of waiting and one of work here');
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(3));
    assert.match(farm.state.waitReasons.get(jobId(3)) ?? '', /pc1/);
    progress(farm, pc1, ref, 40 * minute);
    farm.pass(1_000);
    assert.equal(farm.assigned(pc3).ref.jobId, jobId(3), 'its agent was wrong: it is not waited for');
  });

  it('is known anew when an agent has measured, and by encoders alone where it never does', () => {
    const farm = new TurnFarm();
    const pc1 = attachWith(farm, 'pc1', { ...speeds(2), slots: 4 });
    attachWith(farm, 'pc2', { ...speeds(1.9), slots: 4 });
    farm.submit(longJob(1, 10));
    assert.equal(agentOf(farm, 1), 'pc1');
    farm.say(pc1, { kind: 'inventory', inventory: inventory({ ...speeds(1), slots: 4 }) });
    farm.submit(longJob(2, 10));
    assert.equal(agentOf(farm, 2), 'pc2');
    // Of release 0.1: 600 frames a second of its encoder are 20 times as fast as it plays.
    const [encoder] = inventory().encoders;
    assert.ok(encoder !== undefined);
    const encoders = [{ ...encoder, framesPerSecond: 600, max: '1080p' }] as const;
    attachWith(farm, 'old', { speeds: [], encoders, slots: 4, copyBytesPerSecond: 1e12 });
    farm.submit(longJob(3, 10));
    assert.equal(agentOf(farm, 3), 'old');
    farm.submit(longJob(4, 10, { enable4k: true }));
    assert.notEqual(agentOf(farm, 4), 'old');
  });

  it('is a PC with room on its disk, less what it was promised a moment ago', () => {
    const farm = new TurnFarm();
    const room = { slots: 2, scratchAvailableBytes: 9e9 };
    const pc1 = attachWith(farm, 'pc1', { ...speeds(10), ...room });
    attachWith(farm, 'pc2', { ...speeds(1), ...room });
    // 20 min need 2.4 GB of sources, and 6.5 GB of segments and result.
    farm.submit(longJob(1, 20));
    assert.equal(agentOf(farm, 1), 'pc1');
    farm.submit(longJob(2, 20));
    assert.equal(agentOf(farm, 2), undefined, 'it waits for the room: that ends it earlier than pc2');
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(2));
    farm.submit(longJob(3, 0.5));
    assert.equal(agentOf(farm, 3), 'pc1', 'a small one has room, and the slot is not kept from it');
    farm.say(pc1, { ...heartbeat, scratchAvailableBytes: 50e9 });
    start(farm, pc1, farm.assigned(pc1).ref, 1);
    farm.say(pc1, journalEvent(2, farm.assigned(pc1).ref, { type: 'encoded' }));
    assert.equal(agentOf(farm, 2), 'pc1');
  });
});

describe('the length of an output', () => {
  it('is estimated until the agent has looked, and then known: for the plan and for its user’s share', () => {
    const farm = new TurnFarm();
    farm.submit(longJob(1, 10));
    farm.submit(longJob(2, 10, { userId: 'ben' }));
    const pc1 = attachWith(farm, 'pc1', speeds(1));
    const had = () => farm.state.charges?.standsAtMs('["ann"]');
    assert.equal(had(), 10 * minute);
    start(farm, pc1, farm.assigned(pc1).ref, 1, 30 * 60 * 4);
    assert.equal(farm.state.jobs.get(jobId(1))?.estimateMs, 4 * minute);
    assert.equal(had(), 4 * minute);
  });

  it('is believed of no agent that tells of weeks, or of nothing', () => {
    const farm = new TurnFarm();
    const pc1 = attachWith(farm, 'pc1', speeds(1));
    for (const [n, totalFrames] of [Number.MAX_SAFE_INTEGER, 0].entries()) {
      farm.submit(longJob(n, 10));
      const { ref } = farm.assigned(pc1);
      start(farm, pc1, ref, 2 * n + 1, totalFrames);
      assert.equal(farm.state.jobs.get(jobId(n))?.estimateMs, 10 * minute);
      farm.say(pc1, journalEvent(2 * n + 2, ref, { type: 'encoded' }));
    }
  });
});

describe('forecasts of renders', () => {
  /** Ten minutes of output at the speed of 1, each of which took so many minutes. */
  function farmAfter(runs: readonly number[]): { farm: TurnFarm; pc1: string } {
    const farm = new TurnFarm();
    const pc1 = attachWith(farm, 'pc1', speeds(1));
    for (const [n, minutes] of runs.entries()) {
      farm.submit(longJob(n, 10));
      publish(farm, pc1, 4 * n + 1, minutes * minute + 1_000);
    }
    return { farm, pc1 };
  }

  it('are compared with what became of them, the last twenty, over a restart too', () => {
    const { farm } = farmAfter([...Array<number>(19).fill(10), 15, 20]);
    const ratios = () => farm.state.agents.get('pc1')?.forecastRatios?.['hd'];
    assert.deepEqual(ratios(), [...Array<number>(18).fill(1), 1.5, 2]);
    farm.restart();
    assert.deepEqual(ratios(), [...Array<number>(18).fill(1), 1.5, 2]);
  });

  it('say how far to trust the next one: who was often too late gets no job that is near its time limit', () => {
    // The soft limit is 170 min: 80 min of work may be 160 where one render in ten took twice its time.
    for (const [minutes, where] of [
      [10, 'pc1'],
      [20, 'pc2'],
    ] as const) {
      const { farm } = farmAfter(Array<number>(6).fill(minutes));
      attachWith(farm, 'pc2', speeds(0.99));
      farm.submit(longJob(50, 80));
      assert.equal(agentOf(farm, 50), where, `after renders of ${minutes} min`);
    }
  });

  it('that failed say nothing, nor do those of seconds', () => {
    const { farm, pc1 } = farmAfter([10]);
    farm.submit(
      jobSpec(8, {
        items: [{ position: 0, itemType: 'image', path: '\\\\nas\\Clips\\a.png', durationMs: 9_000 }],
      }),
    );
    publish(farm, pc1, 5, 60 * minute);
    farm.submit(longJob(9, 10));
    const failed = finished({ outcome: 'failed', failureClass: 'job', message: 'bad' });
    farm.say(pc1, journalEvent(9, farm.assigned(pc1).ref, { type: 'finished', finished: failed }));
    assert.deepEqual(farm.state.agents.get('pc1')?.forecastRatios, { hd: [1] });
  });
});
