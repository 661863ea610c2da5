import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { jobWire } from '../../proto/index.ts';
import { startCli } from '../helpers/cli-process.ts';
import { rpcError } from '../helpers/rpc-errors.ts';
import { startScriptedJobs } from '../helpers/scripted-jobs.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { jobId, wireJob } from '../helpers/wire-jobs.ts';

const good = {
  user_id: 'ana',
  channel_name: 'C',
  items: [{ item_type: 'video', path: '\\\\nas\\Share\\a.mp4' }],
};

test('What the controller would refuse of several files is told of all, and none is stored', async (t) => {
  const stored: unknown[] = [];
  await using server = await startScriptedJobs({
    submitJob: ({ job, validateOnly }) => {
      if (job?.queue === 'nope') {
        return rpcError('INVALID_ARGUMENT', 'queue nope is not configured', { code: 'UNKNOWN_QUEUE' });
      }
      if (!validateOnly) stored.push(job);
      return { jobId, status: 1, message: 'taken', queue: 'q', routeRule: 'r', existed: false };
    },
  });
  const folder = await tempFolder(t);
  const [one, two, three] = [join(folder, '1.json'), join(folder, '2.json'), join(folder, '3.json')] as const;
  await writeFile(two, JSON.stringify(good));
  for (const file of [one, three]) await writeFile(file, JSON.stringify({ ...good, queue: 'nope' }));
  for (const flags of [[], ['--dry-run']]) {
    const args = ['submit', one, two, three, ...flags, '--address', server.address];
    const { code, lines, stderr } = await startCli(args).ended;
    assert.deepEqual([code, lines.length, stored], [2, flags.length, []]);
    assert.deepEqual(
      stderr.trimEnd().split('\n'),
      [one, three].map((file) => `renderfarm: ${file}: queue nope is not configured [UNKNOWN_QUEUE]`),
    );
  }
});

test('Wishes and times of the command line go before those of the file, one by one', async (t) => {
  const submitted: (jobWire.JobSpec | undefined)[] = [];
  await using server = await startScriptedJobs({
    submitJob: ({ job }) => {
      submitted.push(job);
      return { jobId, status: 1, message: 'taken', queue: 'q', routeRule: 'r', existed: false };
    },
  });
  const file = join(await tempFolder(t), 'job.json');
  const wishes = { only_on: ['pc1'], labels: ['rtx'] };
  await writeFile(file, JSON.stringify({ ...good, wishes, deadline: '2030-01-01T00:00:00Z' }));
  const submit = (...args: string[]) =>
    startCli(['submit', file, ...args, '--address', server.address]).ended;
  assert.equal((await submit()).code, 0);
  assert.deepEqual(submitted[0]?.wishes, { onlyOn: ['pc1'], notOn: [], labels: ['rtx'] });
  assert.deepEqual(submitted[0].deadline, new Date('2030-01-01T00:00:00Z'));
  assert.equal(submitted[0].notBefore, undefined);
  const before = Date.now();
  const more = ['--only-on', 'pc2', '--only-on', 'pc3', '--not-on', 'pc4', '--not-before', '+2h'];
  assert.equal((await submit(...more, '--deadline', '2031-01-01T00:00Z')).code, 0);
  const second = submitted[1];
  assert.deepEqual(second?.wishes, { onlyOn: ['pc2', 'pc3'], notOn: ['pc4'], labels: ['rtx'] });
  assert.deepEqual(second.deadline, new Date('2031-01-01T00:00:00Z'));
  const aheadMs = (second.notBefore?.getTime() ?? 0) - before;
  assert.ok(aheadMs >= 7_200_000 && aheadMs < 7_200_000 + 60_000, `${aheadMs} ms`);
  const wrong = await submit('--deadline', 'soon');
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /It must be a time such as 2026-03-01T18:00, or \+2h from now/);
  assert.equal(submitted.length, 2);
});

test('Options of the command line go before those of the file, one by one', async (t) => {
  const submitted: (jobWire.JobSpec | undefined)[] = [];
  await using server = await startScriptedJobs({
    submitJob: ({ job }) => {
      submitted.push(job);
      return { jobId, status: 1, message: 'taken', queue: 'q', routeRule: 'r', existed: false };
    },
  });
  const file = join(await tempFolder(t), 'job.json');
  const options = { rate_profile: 'quality', preview: true, full_decode: false };
  await writeFile(file, JSON.stringify({ ...good, options }));
  const submit = (...args: string[]) =>
    startCli(['submit', file, ...args, '--address', server.address]).ended;
  assert.equal((await submit()).code, 0);
  const off = { noCache: false, keepFailed: false, fullDecode: false, loudnessReport: false };
  const asked = { ...off, contactSheet: false, preview: true, rateProfile: jobWire.RateChoice.QUALITY };
  assert.deepEqual(submitted[0]?.options, asked);
  const flags = ['--profile', 'studio', '--no-cache', '--keep-failed', '--full-decode', '--loudness'];
  assert.equal((await submit(...flags, '--contact-sheet')).code, 0);
  const on = { noCache: true, keepFailed: true, fullDecode: true, loudnessReport: true };
  assert.deepEqual(submitted[1]?.options, {
    ...{ ...on, contactSheet: true, preview: true, rateProfile: jobWire.RateChoice.STUDIO },
  });
  assert.equal((await submit('--profile', 'best')).code, 2);
  assert.equal(submitted.length, 2);
});

test('get shows what was asked for, and what was published and measured for it', async () => {
  const options = jobWire.RenderOptions.fromPartial({ rateProfile: 2, noCache: true, preview: true });
  const loudness = { integrated: -14.04, range: 5.25, truePeak: -1.5 };
  const job = { ...wireJob({ options, loudness }), previewPath: 'P', contactSheetPath: 'S' };
  await using server = await startScriptedJobs({ getJob: () => ({ job, spec: undefined, timeline: [] }) });
  const { code, lines } = await startCli(['get', jobId, '--address', server.address]).ended;
  assert.equal(code, 0);
  for (const line of [
    /^Options: +profile quality, no-cache, preview$/mu,
    /^Sheet: +S$/mu,
    /^Preview: +P$/mu,
    /^Loudness: +-14.0 LUFS, range 5.3 LU, true peak -1.5 dBTP$/mu,
  ])
    assert.match(lines.join('\n'), line);
});

test('get shows the wishes and times of a job', async () => {
  const wishes = { onlyOn: ['pc1', 'pc2'], notOn: [], labels: ['rtx'] };
  const [notBefore, deadline] = [new Date('2026-03-01T18:00:00Z'), new Date('2026-03-02T06:00:00Z')];
  const job = wireJob({ wishes, notBefore, deadline });
  await using server = await startScriptedJobs({ getJob: () => ({ job, spec: undefined, timeline: [] }) });
  const args = ['get', jobId, '--address', server.address];
  const lines = (await startCli(args).ended).lines.join('\n');
  assert.match(lines, /^Only on: +pc1, pc2$/m);
  assert.match(lines, /^Labels: +rtx$/m);
  assert.match(lines, /^Deadline: +2026-03-0/m);
  assert.match(lines, /^Not before: +2026-03-0/m);
  assert.doesNotMatch(lines, /Not on/);
  const [json = ''] = (await startCli([...args, '--json']).ended).lines;
  assert.partialDeepStrictEqual(JSON.parse(json), {
    job: {
      wishes: { only_on: ['pc1', 'pc2'], not_on: [], labels: ['rtx'] },
      not_before: notBefore.toISOString(),
      deadline: deadline.toISOString(),
    },
  });
});
