import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnnulPublishReply, JobRef } from '../../../proto/agent-link.ts';
import { finished, inventory, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { heldAs, jobId, jobSpec, runningFarm, type TurnFarm } from '../../helpers/turn-farm.ts';

const nas = { share: 'results', id: 'nas-1' };

/** pc1's attempt is granted; pc2 reaches the same share. */
function grantedFarm(): { farm: TurnFarm; pc1: string; pc2: string; ref: JobRef } {
  const { farm, pc1, ref } = runningFarm();
  farm.say(pc1, { kind: 'inventory', inventory: inventory({ shareIds: [nas] }) });
  farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
  const pc2 = farm.attach('pc2', { inventory: inventory({ shareIds: [nas] }) });
  return { farm, pc1, pc2, ref };
}

/** The owner says that its staged file is gone, and the farm begins to look. */
function annullingFarm(): ReturnType<typeof grantedFarm> {
  const granted = grantedFarm();
  const { farm, pc1, ref } = granted;
  const gone = finished({
    outcome: 'failed',
    failureClass: 'environment',
    message: 'the staged file is gone',
  });
  farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: gone }));
  farm.pass(0);
  return granted;
}

function reply(ref: JobRef, result: AnnulPublishReply['result']): AnnulPublishReply {
  return { kind: 'annul-publish-reply', ref, result };
}

describe('a grant whose file is bad or gone', () => {
  it('stands until an executor has set the folder aside and found no target; then the job waits again', () => {
    const { farm, pc2, ref } = annullingFarm();
    assert.equal(farm.jobState(jobId(1)), 'publishing');
    const asked = farm.all('annul-publish').at(-1);
    assert.deepEqual(asked?.ref, ref);
    assert.equal(asked.shareId, 'nas-1');
    farm.say(pc2, reply(ref, 'annulled'));
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.state, 'delayed');
    assert.equal(job.grant, undefined);
    assert.equal(job.charged, 0, 'it is a failure of the surroundings');
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.failureClass, 'environment');
  });

  it('ends as published when the target is there after all', () => {
    const { farm, pc2, ref } = annullingFarm();
    farm.say(pc2, reply(ref, 'published'));
    assert.equal(farm.jobState(jobId(1)), 'published');
  });

  it('waits, with its reason, while nobody can tell: the share is away, or another file is there', () => {
    for (const result of ['unreachable', 'mismatch'] as const) {
      const { farm, pc2, ref } = annullingFarm();
      farm.say(pc2, reply(ref, result));
      assert.equal(farm.jobState(jobId(1)), 'publishing');
      assert.match(farm.state.jobs.get(jobId(1))?.reason ?? '', new RegExp(`found ${result}`));
      const before = farm.all('annul-publish').length;
      farm.pass(2 * farm.settings.times.publishRetryMinMs);
      assert.equal(farm.all('annul-publish').length, before + 1);
    }
  });

  it('is looked at again after a restart of the controller, and its owner is not told to publish', () => {
    const { farm, ref } = annullingFarm();
    farm.restart();
    const back = farm.attach('pc1', { held: [{ ...heldAs(ref, 'publishing'), manifest }] });
    const [verdict] = farm.last(back, 'welcome').verdicts;
    assert.equal(verdict?.decision.verdict, 'keep');
    assert.equal(farm.all('publish-grant').length, 1, 'only the first');
    farm.pass(1_000);
    assert.deepEqual(farm.last(back, 'annul-publish').ref, ref);
  });

  it('is refused to an owner that comes back after it was taken away', () => {
    const { farm, pc2, ref } = annullingFarm();
    farm.say(pc2, reply(ref, 'annulled'));
    const back = farm.attach('pc1', { held: [{ ...heldAs(ref, 'publishing'), manifest }] });
    assert.equal(farm.last(back, 'welcome').verdicts[0]?.decision.verdict, 'refused');
  });

  it('is not taken away by a reply that nobody asked for', () => {
    const { farm, pc2, ref } = grantedFarm();
    farm.say(pc2, reply(ref, 'annulled'));
    assert.equal(farm.jobState(jobId(1)), 'publishing');
  });
});

describe('a publication whose owner is gone', () => {
  it('is taken back when another agent finds neither the staged file nor the result', () => {
    const { farm, pc1, pc2, ref } = grantedFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    farm.say(pc2, { kind: 'finish-publish-reply', ref, result: 'absent' });
    farm.pass(0);
    assert.deepEqual(farm.last(pc2, 'annul-publish').ref, ref);
    farm.say(pc2, reply(ref, 'annulled'));
    assert.equal(farm.jobState(jobId(1)), 'delayed');
  });

  it('ends with an earlier result that bears the name of the job, and people are told', () => {
    const { farm, pc1, pc2, ref } = grantedFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    farm.say(pc2, {
      kind: 'finish-publish-reply',
      ref,
      result: 'mismatch',
      publishedPath: '\\\\nas\\R\\a.mp4',
    });
    assert.equal(farm.jobState(jobId(1)), 'published');
    assert.equal(farm.state.jobs.get(jobId(1))?.outputPath, '\\\\nas\\R\\a.mp4');
    assert.deepEqual(
      farm.state.alarms.map(({ event }) => event),
      ['earlier-result'],
    );
  });
});

describe('a share with another identity', () => {
  it('is not the one that the farm knows: who mounts it gets no jobs that need it, and does not finish for others', () => {
    const { farm, pc1 } = grantedFarm();
    const other = inventory({ shareIds: [{ share: 'results', id: 'usb-stick' }] });
    farm.say(farm.attach('pc2', { inventory: other }), { kind: 'inventory', inventory: other });
    assert.equal(farm.state.alarms.filter(({ event }) => event === 'other-share').length, 1, 'told once');
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    assert.equal(farm.all('finish-publish').length, 0);
    assert.match(farm.state.jobs.get(jobId(1))?.reason ?? '', /no attached agent reaches share results/);
  });

  it('is no place for a result: every assignment says which share is meant, once that is known', () => {
    const { farm } = grantedFarm();
    assert.equal(farm.all('assign').at(-1)?.output.shareId, undefined, 'the first was sent before');
    farm.submit(jobSpec(2));
    assert.equal(farm.all('assign').at(-1)?.output.shareId, 'nas-1');
  });

  it('holds no result: one that was staged there, before anybody knew, is not granted but rendered again', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, { kind: 'inventory', inventory: inventory({ shareIds: [nas] }) });
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest: { ...manifest, shareId: 'usb-stick' } }));
    assert.equal(farm.all('publish-grant').length, 0);
    assert.deepEqual(farm.last(pc1, 'publish-refused').ref, ref);
    assert.equal(farm.jobState(jobId(1)), 'delayed');
    assert.equal(farm.state.jobs.get(jobId(1))?.charged, 0);
    assert.ok(farm.state.alarms.some(({ event }) => event === 'staged-elsewhere'));
  });

  it('stays known over a restart', () => {
    const { farm } = grantedFarm();
    farm.restart();
    assert.equal(farm.state.shares.get('results')?.id, 'nas-1');
  });
});

describe('a publication that the store has lost', () => {
  it('is granted anew to the attempt that holds it as granted', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'ours' });
    const back = farm.attach('pc1', { held: [{ ...heldAs(ref, 'publishing'), manifest }] });
    assert.equal(farm.jobState(jobId(1)), 'publishing');
    assert.deepEqual(farm.last(back, 'publish-grant').ref, ref);
    const late = farm.cancel(jobId(1));
    assert.ok(late.kind === 'refused' && late.code === 'JOB_PUBLISHING');
  });

  it("that was never granted here, is the job's result all the same, with an alarm", () => {
    const { farm, pc1, ref } = runningFarm();
    const done = finished({ outcome: 'published', publishedPath: '\\\\nas\\R\\a.mp4' });
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: done }));
    assert.equal(farm.jobState(jobId(1)), 'published');
    assert.ok(farm.logged.includes('published-without-grant'));
  });
});
