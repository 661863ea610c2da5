/**
 * `npm run bench -- startup [--clips 4] [--clip-seconds 6] [--runs 1]`: how soon FFmpeg gives its first frame. A real
 * controller, a real agent with an empty cache and real FFmpeg, all on this machine; the share is a local folder, so
 * that copying is cheaper than it is in a studio. Two jobs of different clips: the second is handed in while the first
 * one runs, and prefetched.
 *
 * A first frame counts when FFmpeg reports it (`-progress`), which is up to half a second after it was made.
 * `cold_first_frame_s`: from sending the first job's submit. `prefetched_first_frame_s`: from the second job's
 * assignment, since before that it waits for its turn; `cold_assigned_first_frame_s` is the first job's on that basis.
 * `switch_gap_ms`: from the first job's last frame to the second's first; `switch_start_ms`: to the start of its FFmpeg. Agent times are counted from the acceptance
 * as the controller saw it, a few ms after the agent's.
 *
 * `--throttled [--copy-seconds 60] [--clips 12]`: startup-throttled.ts.
 */
import { parseArgs } from 'node:util';
import type { RenderfarmClient } from '../client/renderfarm-client.ts';
import {
  assignedAtMs,
  attemptOf,
  firstFrameAtMs,
  jobOf,
  lastFrameAtMs,
  say,
  startedAtMs,
  usageOf,
  withStartupFarm,
} from './startup-farm.ts';
import { runThrottled } from './startup-throttled.ts';
import { rounded, spread } from './statistics.ts';

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clips: { type: 'string' },
      'clip-seconds': { type: 'string', default: '6' },
      'copy-seconds': { type: 'string', default: '60' },
      throttled: { type: 'boolean', default: false },
      runs: { type: 'string', default: '1' },
    },
  });
  const { throttled } = values;
  const clips = Number(values.clips ?? (throttled ? '12' : '4'));
  const options = { clips, clipSeconds: Number(values['clip-seconds']) };
  const copySeconds = Number(values['copy-seconds']);
  const runs = Number(values.runs);
  const rows: Record<string, number>[] = [];
  for (let n = 0; n < runs; n += 1)
    rows.push(throttled ? await runThrottled({ ...options, copySeconds }) : await oneRun(options));
  const names = Object.keys(rows[0] ?? {});
  const figures = names.map((name) =>
    spread(
      name,
      rows.map((row) => row[name] ?? Number.NaN),
    ),
  );
  const merged = figures.reduce<Record<string, number>>((all, each) => ({ ...all, ...each }), {});
  const disk = throttled ? { copy_s: copySeconds } : { disk: 'local' };
  return { runs, clips, clip_seconds: options.clipSeconds, ...disk, ...merged };
}

async function oneRun(options: {
  readonly clips: number;
  readonly clipSeconds: number;
}): Promise<Record<string, number>> {
  const { clips } = options;
  return await withStartupFarm({ ...options, clips: 2 * clips }, (client) => measure(client, clips));
}

async function measure(client: RenderfarmClient, clips: number): Promise<Record<string, number>> {
  const first = jobOf(0, clips);
  const second = jobOf(clips, clips);
  const sentAtMs = Date.now();
  await client.submit(first);
  await client.submit(second);
  say('two jobs are handed in');
  const cold = await attemptOf(client, first.jobId);
  const warm = await attemptOf(client, second.jobId);
  return {
    cold_first_frame_s: (firstFrameAtMs(cold) - sentAtMs) / 1000,
    cold_assigned_first_frame_s: (firstFrameAtMs(cold) - assignedAtMs(cold)) / 1000,
    prefetched_first_frame_s: (firstFrameAtMs(warm) - assignedAtMs(warm)) / 1000,
    switch_gap_ms: rounded(firstFrameAtMs(warm) - lastFrameAtMs(cold)),
    switch_start_ms: rounded(startedAtMs(warm) - lastFrameAtMs(cold)),
    cold_copied_files: usageOf(cold).copiedFiles,
    prefetched_copied_files: usageOf(warm).copiedFiles,
  };
}
