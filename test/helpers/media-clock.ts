import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { probeMedia } from '../../agent/media/probe.ts';
import { planSegment } from '../../agent/render/plan-segment.ts';
import type { SegmentPlan, Size } from '../../agent/render/render-plan.ts';
import type { RenderItem } from '../../agent/render/render-request.ts';
import { renderSegment, segmentFileName } from '../../agent/render/segment.ts';
import type { ItemType, Problem } from '../../proto/agent-link.ts';
import { decode } from './media-measure.ts';

/** Small, so that a hundred segments cost what one of Full HD does. */
export const clockFrame: Size = { width: 320, height: 180 };

/**
 * A picture that tells its own time: white from the left edge to `t / seconds` of the width, on black. Whatever becomes
 * of it, each frame says which moment of the source it shows.
 */
export function clockPicture(seconds: number, rate: string, size = '160x90'): string {
  return `color=c=black:s=${size}:r=${rate}:d=${seconds},format=gray,geq=lum='if(lt(X,W*T/${seconds}),235,16)'`;
}

/** A beep of 0.1 s at each of these seconds. */
export function clockSound(seconds: number, beeps: readonly number[], rate = 48_000): string {
  const gates = beeps.map((at) => `between(t,${at},${at + 0.1})`).join('+');
  return `aevalsrc='0.8*sin(2*PI*1000*t)*(${gates})':s=${rate}:d=${seconds}`;
}

/** What became of one item. */
export type ItemOutcome =
  | { readonly kind: 'refused'; readonly codes: readonly string[]; readonly message: string }
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly failureClass: string;
      readonly message: string;
    }
  | {
      readonly kind: 'rendered';
      readonly plan: SegmentPlan;
      readonly warnings: readonly Problem[];
      readonly damage: string | undefined;
      /** The brightness of 64 columns of each frame, top to bottom in one. */
      readonly rows: readonly Uint8Array[];
      /** The left channel and the right one, by turns; 48 kHz. */
      readonly samples: Int16Array;
    };

export interface ItemOptions {
  /** @default video */
  readonly itemType?: ItemType;
  readonly durationMs?: number;
  /** Looks at the finished segment before it is gone. */
  readonly inspect?: (segment: string) => Promise<void>;
}

/** Probes, plans and renders one item as an agent does, into a small frame, and decodes what was made. */
export async function renderItem(
  file: string,
  { itemType = 'video', durationMs, inspect }: ItemOptions = {},
): Promise<ItemOutcome> {
  const folder = await mkdtemp(path.join(tmpdir(), 'renderfarm-item-'));
  try {
    // Whatever it is called, the name is no more than what the agent keeps of it.
    const fileName = `${itemType}_7${/\.[A-Za-z0-9]{1,8}$/u.exec(file)?.[0] ?? ''}`;
    await symlink(file, path.join(folder, fileName));
    await symlink(file, path.join(folder, 'content'));
    const item = { position: 7, itemType, fileName, sourcePath: 'S', sha256: 'x' };
    const probed = await probeMedia(path.join(folder, 'content')).then(
      (facts) => ({ facts }),
      (error: unknown) => ({ probeError: (error as Error).message }),
    );
    const known: RenderItem = { ...item, ...probed, ...(durationMs === undefined ? {} : { durationMs }) };
    return await renderPlanned(known, folder, inspect);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function renderPlanned(
  item: RenderItem,
  folder: string,
  inspect: ItemOptions['inspect'],
): Promise<ItemOutcome> {
  const { segment: plan, problems, warnings } = planSegment(item, clockFrame);
  if (plan === undefined) {
    const [first] = problems;
    return { kind: 'refused', codes: problems.map(({ code }) => code), message: first?.message ?? '' };
  }
  const log = { command: () => undefined, stderr: () => undefined };
  const ffmpeg = { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', versionText: '' };
  try {
    const checked = await renderSegment(
      {
        request: { ffmpeg, workFolder: folder, stallMs: 30_000, startStallMs: 30_000 },
        log,
        signal: new AbortController().signal,
      },
      plan,
      { frameSize: clockFrame, enable4k: false, encoder: { rung: 'libx264', profile: 'studio', threads: 2 } },
      () => undefined,
    );
    const made = path.join(folder, segmentFileName(plan));
    await inspect?.(made);
    return { kind: 'rendered', plan, warnings, damage: checked?.damage, ...(await readMade(made)) };
  } catch (error) {
    const { failure } = error as { failure?: { code: string; failureClass: string; message: string } };
    if (failure === undefined) throw error;
    return { kind: 'failed', ...failure };
  }
}

const columns = 64;

async function readMade(file: string): Promise<{ rows: readonly Uint8Array[]; samples: Int16Array }> {
  const sound = `${file}.s16`;
  const gray = await decode([
    ...['-i', file, '-map', '0:a:0', '-f', 's16le', sound],
    ...['-map', '0:v:0', '-vf', `scale=${columns}:1:flags=area,format=gray`],
    ...['-fps_mode', 'passthrough', '-f', 'rawvideo'],
  ]);
  const bytes = await readFile(sound);
  return {
    rows: Array.from({ length: gray.length / columns }, (_, index) =>
      gray.subarray(index * columns, (index + 1) * columns),
    ),
    samples: new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1),
  };
}

/** The moment of the source that a frame of `clockPicture` shows. */
export function clockOf(row: Uint8Array, seconds: number): number {
  const lit = row.reduce((sum, value) => sum + Math.min(1, Math.max(0, (value - 16) / 219)), 0);
  return (lit / row.length) * seconds;
}

/** Seconds at which a sound begins, after at least 20 ms of quiet. */
export function beepsOf(samples: Int16Array): readonly number[] {
  const starts: number[] = [];
  let lastLoud = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < samples.length; index += 2) {
    if (Math.max(Math.abs(samples[index] ?? 0), Math.abs(samples[index + 1] ?? 0)) < 2000) continue;
    if (index / 2 - lastLoud > 960) starts.push(index / 2 / 48_000);
    lastLoud = index / 2;
  }
  return starts;
}
