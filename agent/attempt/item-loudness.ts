import type { AttemptLimits, Loudness, ResolvedItem } from '../../proto/index.ts';
import type { ContentCache } from '../media/content-cache.ts';
import { openGate } from '../media/gate.ts';
import { type CommandLog, silentCommandLog } from '../render/command-log.ts';
import type { FfmpegContext } from '../render/ffmpeg.ts';
import type { MeasuredSource } from '../render/measure-loudness.ts';
import { measureLoudness } from '../render/measure-loudness.ts';
import type { FfmpegInstall, SourceFile } from '../render/render-request.ts';

/** Decoding sound keeps one core busy; more at a time would only slow the encodes down. */
const measuresAtATime = 2;

export interface ItemLoudnessOptions {
  readonly cache: Pick<ContentCache, 'notePath'>;
  readonly ffmpeg: FfmpegInstall;
  /** Has the items' files under their plain names. */
  readonly workFolder: string;
  readonly limits: Pick<AttemptLimits, 'stallMs' | 'startStallMs'>;
  readonly signal: AbortSignal;
  readonly force?: AbortSignal;
  /** @default hears nothing */
  readonly commands?: CommandLog;
}

/** The loudness of an item's source, where the item asks for it; undefined where it does not. */
export type ItemLoudness = (item: ResolvedItem, source: SourceFile) => Promise<Loudness | undefined>;

/** Measures what items ask for, some at a time, and each content once, however many items have it. What it gives rejects with the signal's reason only. */
export function openItemLoudness(options: ItemLoudnessOptions): ItemLoudness {
  const { cache, ffmpeg, workFolder, limits, signal, force, commands = silentCommandLog } = options;
  const gate = openGate(measuresAtATime);
  const context: FfmpegContext = {
    request: { ffmpeg, workFolder, ...limits },
    log: commands,
    signal,
    ...(force === undefined ? {} : { force }),
  };
  const measure = async (wanted: MeasuredSource): Promise<Loudness> => {
    const leave = await gate.enter(signal);
    try {
      return await measureLoudness(context, wanted);
    } finally {
      leave();
    }
  };
  const measured = new Map<string, Promise<Loudness>>();
  return async (item, source) => {
    const wanted = measuredSource(item, source, cache);
    if (wanted === undefined) return undefined;
    const figures = measured.get(wanted.notePath) ?? measure(wanted);
    measured.set(wanted.notePath, figures);
    return await figures;
  };
}

/** What would be measured of an item; undefined where it asks for nothing, or its file cannot be read anyway. */
export function measuredSource(
  item: ResolvedItem,
  { fileName, facts, sha256 }: SourceFile,
  cache: Pick<ContentCache, 'notePath'>,
): MeasuredSource | undefined {
  if (item.normalizeLoudness !== true || facts === undefined) return undefined;
  return { fileName, facts, notePath: cache.notePath(sha256, 'loudness') };
}
