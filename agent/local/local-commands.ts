import { copyFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { extraNames, loudnessText } from '../../proto/index.ts';
import { AttemptFailedError } from '../attempt/finished.ts';
import type { LogFolder } from '../attempt/log-folder.ts';
import { logFiles } from '../attempt/log-folder.ts';
import type { AgentConfig } from '../config.ts';
import { commandText } from '../render/command-log.ts';
import type { EncoderRungName } from '../render/encoder.ts';
import type { RenderedOutput } from '../render/render-result.ts';
import { scriptFileName, segmentFileName } from '../render/segment.ts';
import { segmentArguments } from '../render/segment-command.ts';
import { readLocalJob, withLocalPaths } from './local-job.ts';
import type { LocalOptions } from './local-pipeline.ts';
import { withLocalJob } from './local-pipeline.ts';

export interface LocalCommandOptions {
  readonly file: string;
  /** Mounts, FFmpeg and encoder come from it; without it paths of this PC and the best encoder. */
  readonly config?: AgentConfig | undefined;
  readonly out?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly encoder?: EncoderRungName | undefined;
  readonly threads?: number | undefined;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Renders a job file into one MP4; the lines of its log are printed. Returns the exit code. */
export async function renderLocally(options: LocalCommandOptions): Promise<number> {
  const { print } = options;
  return await tryLocally(options, async (local) => {
    const out = resolve(options.out ?? `${safeName(local.job.channelName)}_${local.job.jobId}.mp4`);
    await withLocalJob(local, async (run) => {
      const output = await run.render();
      await mkdir(dirname(out), { recursive: true });
      await copyFile(output.file, out);
      for (const extra of await copyExtras(output, out)) print(extra);
      if (output.loudness !== undefined) print(`Loudness: ${loudnessText(output.loudness)}`);
      print(`${out}: ${output.frames} frames, ${output.sizeBytes} bytes`);
    });
  });
}

/** What was made beside the result, to where that goes. */
async function copyExtras({ file, extras }: RenderedOutput, out: string): Promise<readonly string[]> {
  const names = extraNames(basename(out));
  const copied: string[] = [];
  for (const what of ['contactSheet', 'preview'] as const) {
    const made = extras[what];
    if (made === undefined) continue;
    const to = join(dirname(out), names[what]);
    await copyFile(join(dirname(file), made), to);
    copied.push(to);
  }
  return copied;
}

/** Prints what would be rendered, and with which commands; renders nothing. Returns the exit code. */
export async function planLocally(options: LocalCommandOptions): Promise<number> {
  const { print } = options;
  return await tryLocally(options, (local) =>
    withLocalJob(local, ({ plan, encoder }) => {
      print(`${plan.frames} frames, ${plan.frameSize.width}x${plan.frameSize.height}, ${encoder.rung}`);
      for (const segment of plan.segments) {
        print(`${segment.name}: ${segment.frames} frames of ${withLocalPaths(segment.sourcePath)}`);
        const names = {
          source: segment.fileName,
          logo: segment.logo?.fileName ?? '',
          script: scriptFileName(segment),
          output: segmentFileName(segment),
        };
        const settings = {
          frameSize: plan.frameSize,
          enable4k: local.job.enable4k,
          encoder: { ...encoder, profile: local.job.options?.rateProfile ?? ('studio' as const) },
        };
        print(`  ${commandText({ file: local.ffmpeg, args: segmentArguments(segment, settings, names) })}`);
      }
      return Promise.resolve();
    }),
  );
}

async function tryLocally(
  options: LocalCommandOptions,
  use: (local: LocalOptions) => Promise<void>,
): Promise<number> {
  const { config, signal, print } = options;
  try {
    const job = readLocalJob(options.file, mountsOf(config));
    const dataDir = resolve(options.dataDir ?? join(tmpdir(), 'renderfarm-local'));
    await mkdir(dataDir, { recursive: true });
    await use({
      job,
      dataDir,
      ffmpeg: config?.ffmpeg ?? 'ffmpeg',
      ffprobe: config?.ffprobe ?? 'ffprobe',
      encoder: {
        rung: options.encoder ?? config?.encoder.rung,
        threads: options.threads ?? config?.encoder.threads,
      },
      segments: config?.concurrency.segments ?? 1,
      folder: printed(print),
      signal,
    });
    return 0;
  } catch (error) {
    if (signal.aborted) return 130;
    const problems = error instanceof AttemptFailedError ? error.failure.problems : [];
    for (const { code, message } of problems) print(`${code}: ${withLocalPaths(message)}`);
    print(withLocalPaths(error instanceof Error ? error.message : String(error)));
    return error instanceof Error && 'code' in error && error.code === 'JOB_FILE_INVALID' ? 2 : 1;
  }
}

function mountsOf(config: AgentConfig | undefined) {
  return Object.fromEntries(
    Object.entries(config?.mounts ?? {}).map(([name, { roots, localPath }]) => [
      name,
      { roots, ...(localPath === undefined ? {} : { localPath }) },
    ]),
  );
}

/** The job's log on the terminal; commands and FFmpeg's own words stay out of it. */
function printed(print: (line: string) => void): LogFolder {
  return {
    write(file, text) {
      if (file === logFiles.jobLog) print(withLocalPaths(text.trimEnd()));
    },
    belongsTo: () => undefined,
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function safeName(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, '_').slice(0, 80);
}
