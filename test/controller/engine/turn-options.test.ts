import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { validateJob } from '../../../controller/domain/validate.ts';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import { noOptions, type RenderOptions } from '../../../proto/render-options.ts';
import { jobDraft } from '../../helpers/job-draft.ts';
import { jobId, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

function submitted(farm: TurnFarm, changes: Partial<RenderOptions>): void {
  farm.submit(jobSpec(1, { options: { ...noOptions, ...changes } }));
  farm.pass(0);
}

function reasonsOf(farm: TurnFarm): readonly string[] {
  const found = explanation(farm.state, farm.settings, farm.nowMs, jobId(1));
  return found?.agents.flatMap(({ reasons }) => reasons) ?? [];
}

describe('options of a job', () => {
  it('that decide what its result is keep it from agents that do not know them, and explain says so', () => {
    const farm = new TurnFarm();
    farm.attach('old', { features: ['sources'] });
    submitted(farm, { noCache: true, fullDecode: true, preview: true });
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.deepEqual(reasonsOf(farm), [
      'its release cannot do no_cache',
      'its release cannot do full_decode',
    ]);
    farm.restart();
    farm.attach('old', { instanceId: 'again', features: ['sources', 'no_cache'] });
    farm.pass(60_000);
    assert.equal(farm.jobState(jobId(1)), 'waiting', 'after a restart it is known still');
    farm.attach('new', { features: ['no_cache', 'full_decode'] });
    farm.pass(0);
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.agentId, 'new');
    assert.match(job.timeline.at(-1)?.detail ?? '', /on new; its release makes no preview$/u);
  });

  it('that only add something wait for nobody, and the history says what is missing', () => {
    const farm = new TurnFarm();
    farm.attach('old', { features: [] });
    submitted(farm, { contactSheet: true, loudnessReport: true });
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.state, 'assigned');
    assert.match(
      job.timeline.at(-1)?.detail ?? '',
      /; its release makes no loudness_report, contact_sheet$/u,
    );
  });

  it('choose the bit rates before the queue does; the agent is told both', () => {
    const farm = new TurnFarm();
    farm.attach('pc1');
    submitted(farm, { rateProfile: 'quality' });
    const assign = farm.sent.map(({ message }) => message).find((message) => message.kind === 'assign');
    assert.equal(assign?.job.rateProfile, 'quality');
    assert.equal(assign.job.options?.rateProfile, 'quality');
  });

  it('are absent where all is off, and named where their value is none', () => {
    const rules = { isInSourceShare: () => true, newJobId: jobId(9), nowMs: 0 };
    const off = validateJob({ ...jobDraft, options: { ...noOptions, rateProfile: undefined } }, rules);
    assert.ok(off.valid && !('options' in off.spec));
    const wrong = validateJob({ ...jobDraft, options: { ...noOptions, rateProfile: 'unknown' } }, rules);
    assert.deepEqual(!wrong.valid && wrong.violations, [
      { field: 'options.rate_profile', description: 'must be one of studio, quality' },
    ]);
    const items = jobDraft.items.map((item) => ({ ...item, normalizeLoudness: true }));
    const video = validateJob({ ...jobDraft, items }, rules);
    assert.equal(video.valid && video.spec.items[0]?.normalizeLoudness, true);
    const image = items.map((item) => ({ ...item, itemType: 'image' as const }));
    const still = validateJob({ ...jobDraft, items: image }, rules);
    assert.ok(still.valid && !('normalizeLoudness' in (still.spec.items[0] ?? {})), 'it has no sound');
  });
});
