import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAgentConfig } from '../../../agent/config.ts';
import type { Diagnosis } from '../../../agent/local/doctor.ts';
import { runDoctor } from '../../../agent/local/doctor-command.ts';
import { judge, reportFile, reportText } from '../../../agent/local/doctor-report.ts';
import { runProcess } from '../../../agent/process/run.ts';
import { studioPc } from '../../helpers/studio-pc.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const skip = process.platform === 'win32' ? 'the stand-ins are shell scripts' : false;

test('The doctor tries every rung of a PC with an old card, says what it found and keeps secrets', {
  skip,
}, async (t) => {
  const pc = await studioPc(await tempFolder(t));
  await pc.fails([['* -temporal-aq 1 *', '5.1/feature.temporal-aq']]);
  await pc.sessions(2);
  const clips = join(pc.folder, 'clips');
  await mkdir(clips);
  await writeFile(join(clips, 'a.mp4'), 'a clip');
  const config = parseAgentConfig(
    {
      ...{ agentId: 'pc1', controllers: ['farm.example:5000'], token: 'top-secret', ffmpeg: pc.ffmpeg },
      dataDir: join(pc.folder, 'data'),
      mounts: { clips: { roots: ['\\\\nas\\Clips'], localPath: clips } },
    },
    'test',
  );
  const printed: string[] = [];
  const report = join(pc.folder, 'report.txt');
  const code = await runDoctor({
    ...{ config, report, softwareVersion: '1.2.3', nvidiaSmi: pc.nvidiaSmi },
    print: (line) => printed.push(line),
    signal: new AbortController().signal,
  });
  const text = printed.join('\n');
  assert.equal(code, 0, text);
  assert.match(text, /GPU 0: NVIDIA GeForce GTX 1060 6GB, driver 572\.16/u);
  assert.match(text, /FAIL h264_nvenc on GPU 0, 1080p, studio: .*\(feature\): .*Temporal AQ not supported/u);
  assert.match(text, /ok {3}h264_nvenc-plain on GPU 0, 2160p, studio/u);
  assert.match(text, /ok {3}h264_nvenc-plain on GPU 0, 1080p, quality/u);
  assert.match(text, /FAIL h264_qsv, 1080p, studio: .*MFX session/u);
  assert.match(text, /ok {3}libx264, 2160p/u, 'also what is below the rung that works');
  assert.match(text, /h264_nvenc-plain to 2160p.*2 sessions seen/u);
  assert.match(text, /Share clips: read, written/u);
  assert.match(text, /This PC can render\./u);

  const file = await readFile(report, 'utf8');
  const [head, json] = file.split('--- JSON ---');
  assert.ok(head?.includes('Temporal AQ not supported'));
  const found = JSON.parse(json ?? '') as Diagnosis & { verdict: { canRender: boolean } };
  assert.equal(found.verdict.canRender, true);
  const failed = found.tried.find(({ works }) => !works);
  assert.ok(
    failed?.stderrTail.some((line) => line.includes('No capable devices found')),
    'the whole tail',
  );
  for (const secret of ['top-secret', 'farm.example']) assert.ok(!file.includes(secret), secret);
});

/** A PC that is well. */
const well: Diagnosis = {
  ...{ madeAt: '2026-01-01', softwareVersion: '1' },
  pc: { hostname: 'pc1', os: 'Linux', cpu: 'a CPU', node: 'v24', cores: 8, memoryBytes: 2 ** 34 },
  ffmpeg: { works: true, text: 'ffmpeg version 7.1' },
  ffprobe: { works: true, text: 'ffprobe version 7.1' },
  ...{ gpus: [], nvidiaSmi: [], tried: [] },
  encoders: {
    encoders: [
      {
        ...{ encoder: 'libx264', rung: 'libx264', hardware: false, max: '2160p' },
        ...{ framesPerSecond: 100, sessionsProbed: 1 },
      },
    ],
    ...{ lanes: [], concurrentSpeeds: [1], failures: [], probedAtMs: 0 },
  },
  shares: [{ share: 'clips', readable: true, writable: true, empty: false }],
  scratch: { freeBytes: 2 ** 40, neededBytes: 2 ** 30 },
};

test('A PC cannot render without FFmpeg, an encoder, space or its shares; without a card it can, slowly', () => {
  const sound = judge(well);
  assert.deepEqual([sound.canRender, sound.warnings.length], [true, 1]);
  assert.match(sound.warnings[0] ?? '', /software: slow/u);
  const encoders = well.encoders;
  assert.ok(encoders !== undefined);
  const ills: readonly [Partial<Diagnosis>, RegExp][] = [
    [{ ffmpeg: { works: false, text: 'FFmpeg cannot be run' } }, /FFmpeg cannot be run/u],
    [{ ffprobe: { works: false, text: 'no ffprobe' } }, /no ffprobe/u],
    [{ encoders: { ...encoders, encoders: [] } }, /No encoder passes/u],
    [{ scratch: { freeBytes: 1, neededBytes: 2 ** 30 } }, /0\.0 GiB free, 1\.0 GiB are needed/u],
    [{ scratch: { neededBytes: 1, fault: 'EACCES' } }, /data folder cannot be used: EACCES/u],
    [
      { shares: [{ share: 'clips', readable: false, writable: false, empty: false, reason: 'EIO' }] },
      /clips cannot be read: EIO/u,
    ],
  ];
  for (const [ill, words] of ills) {
    const { canRender, problems } = judge({ ...well, ...ill });
    assert.deepEqual([canRender, problems.length], [false, 1], words.source);
    assert.match(problems[0] ?? '', words);
    assert.equal(reportText({ ...well, ...ill }).at(-1), 'This PC cannot render.');
  }
});

test('Folders of the user are not told', () => {
  const home = homedir();
  const file = reportFile({ ...well, fontFault: `${home}/fonts is empty` }, home);
  assert.ok(file.includes('~/fonts is empty'));
  assert.ok(!file.includes(`${home}/`));
});

test('The command ends with 1 on a PC without FFmpeg, and with 2 for a wrong configuration', async (t) => {
  const folder = await tempFolder(t);
  const main = fileURLToPath(new URL('../../../agent/main.ts', import.meta.url));
  const doctor = async (config: unknown) => {
    const file = join(folder, 'agent.yaml');
    await writeFile(file, JSON.stringify(config));
    const args = [main, 'doctor', '--config', file];
    return await runProcess({ file: process.execPath, args, stdoutCharsMax: 10_000 });
  };
  const config = {
    ...{ controllers: ['localhost:1'], dataDir: join(folder, 'data'), ffmpeg: join(folder, 'no-ffmpeg') },
    mounts: { clips: { roots: ['\\\\nas\\Clips'], localPath: folder } },
  };
  const without = await doctor(config);
  assert.equal(without.exitCode, 1, without.stdout);
  assert.match(without.stdout, /PROBLEM: FFmpeg cannot be run/u);
  assert.equal((await doctor({ ...config, mounts: {} })).exitCode, 2);
});
