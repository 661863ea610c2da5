import pMap from 'p-map';
import type { AskSources, ResolvedItem } from '../../proto/index.ts';
import type { FoundSources } from '../core/sources.ts';
import type { ContentCache } from '../media/content-cache.ts';
import { knownFacts } from '../media/probe-files.ts';
import type { ShareOperations } from '../media/share-operations.ts';
import type { Mounts } from '../media/unc.ts';
import { resolveUnc } from '../media/unc.ts';
import { resolveFont } from '../render/fonts.ts';
import { notedLoudness } from '../render/measure-loudness.ts';
import { planRender } from '../render/plan.ts';
import type { RenderPlan, SegmentPlan } from '../render/render-plan.ts';
import { framesPerSecond } from '../render/render-plan.ts';
import type { EncoderChoice, RenderItem, SourceFile } from '../render/render-request.ts';
import { scriptOf } from '../render/render-segments.ts';
import type { SegmentStore } from '../render/segment-cache.ts';
import { segmentKey } from '../render/segment-key.ts';
import { measuredSource } from './item-loudness.ts';
import { renderItemOf } from './render-items.ts';

export interface SourceLookOptions {
  readonly mounts: Mounts;
  readonly cache: Pick<ContentCache, 'recognise' | 'notePath'>;
  /** Not those of the copies: a look waits for none, and keeps none waiting. */
  readonly operations: Pick<ShareOperations, 'call'>;
  readonly ffmpegVersionText: string;
  readonly ffprobeVersion: string;
  readonly encoderFor: (enable4k: boolean) => Omit<EncoderChoice, 'profile'> | undefined;
  readonly segments: Pick<SegmentStore, 'has'>;
  readonly signal: AbortSignal;
  /** All looks of one ask together. @default 30,000 */
  readonly timeoutMs?: number;
}

/** Looks at a time, and how long one may be silent: the plan can do without a share that is slow today. */
const looksAtATime = 2;
const silenceMs = 10_000;

/**
 * What is here of a job. Of sources by size and time of change, as a fetch would reuse them; a small file that changed
 * under both is found out by the fetch alone, which reads it. Of segments only those whose sources are here and were
 * measured here before: any other segment's key is not known. Never rejects: what cannot be found out is said.
 */
export async function lookAtSources(ask: AskSources, options: SourceLookOptions): Promise<FoundSources> {
  const unknown = { totalBytes: 0, presentBytes: 0, presentSegments: 0, presentOutputMs: 0 };
  try {
    const sources = await measure(ask.items, options);
    const all = [...sources.values()];
    const bytesOf = (some: readonly Source[]): number => some.reduce((sum, one) => sum + one.sizeBytes, 0);
    const segments = await presentSegments(ask, sources, options);
    const frames = segments.reduce((sum, segment) => sum + segment.frames, 0);
    return {
      totalBytes: bytesOf(all),
      presentBytes: bytesOf(all.filter(({ sha256 }) => sha256 !== undefined)),
      presentSegments: segments.length,
      presentOutputMs: Math.round((frames * 1_000) / framesPerSecond),
    };
  } catch (error) {
    return { ...unknown, message: error instanceof Error ? error.message : String(error) };
  }
}

interface Source {
  readonly sizeBytes: number;
  /** Present when that content is here. */
  readonly sha256: string | undefined;
}

/** By its path on this PC: a file that is named twice counts once. */
async function measure(
  items: readonly ResolvedItem[],
  { mounts, cache, operations, signal, timeoutMs = 30_000 }: SourceLookOptions,
): Promise<ReadonlyMap<string, Source>> {
  const located = items.flatMap(pathsOf).map((path) => resolveUnc(path, mounts, process.platform));
  const found = new Map<string, Source>();
  const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  await pMap(
    new Map(located.map((source) => [source.localPath, source])).values(),
    async ({ localPath: path, mountPath, uncPath }) => {
      try {
        const request = { op: 'examine', path, mountPath, hashBelowBytes: 0 } as const;
        const seen = await operations.call(request, { signal: until, silenceMs });
        found.set(path, { sizeBytes: seen.sizeBytes, sha256: cache.recognise(path, seen) });
      } catch (error) {
        throw new Error(`${uncPath}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    },
    { concurrency: looksAtATime },
  );
  return found;
}

/** The segments that a render of this job would find. */
async function presentSegments(
  ask: AskSources,
  sources: ReadonlyMap<string, Source>,
  options: SourceLookOptions,
): Promise<readonly SegmentPlan[]> {
  const encoder = options.encoderFor(ask.enable4k);
  if (encoder === undefined) return [];
  const items = (await Promise.all(ask.items.map((item) => itemHere(item, sources, options)))).flatMap(
    (item) => item ?? [],
  );
  // One at a time: what is wrong with one item says nothing of the others.
  const plans = items.flatMap((item) => {
    const planned = planRender({ enable4k: ask.enable4k, items: [item] });
    return planned.ok ? planned.plan : [];
  });
  const hasText = plans.some(({ segments }) => segments.some(({ text }) => text !== undefined));
  const font = hasText ? await resolveFont() : undefined;
  const present = async ({ frameSize, segments }: RenderPlan): Promise<readonly SegmentPlan[]> => {
    const settings = {
      ...{ frameSize, enable4k: ask.enable4k },
      encoder: { ...encoder, profile: ask.rateProfile },
    };
    const [segment] = segments;
    if (segment === undefined) return [];
    const key = segmentKey(segment, settings, {
      script: scriptOf(segment, font),
      fontSha256: font?.sha256,
      ffmpegVersionText: options.ffmpegVersionText,
    });
    return (await options.segments.has(key)) ? [segment] : [];
  };
  return (await pMap(plans, present, { concurrency: looksAtATime })).flat();
}

/** An item whose files are here and were measured here; undefined for all others. */
async function itemHere(
  item: ResolvedItem,
  sources: ReadonlyMap<string, Source>,
  { mounts, cache, ffmpegVersionText, ffprobeVersion }: SourceLookOptions,
): Promise<RenderItem | undefined> {
  const fileOf = async (path: string, fileName: string): Promise<SourceFile | undefined> => {
    const sha256 = sources.get(resolveUnc(path, mounts, process.platform).localPath)?.sha256;
    const facts = sha256 === undefined ? undefined : await knownFacts(sha256, cache, ffprobeVersion);
    if (sha256 === undefined || facts === undefined) return undefined;
    return { fileName, sourcePath: path, sha256, facts };
  };
  const source = await fileOf(item.path, `${item.itemType}_${item.position}`);
  const logo =
    item.logoPath === undefined ? undefined : await fileOf(item.logoPath, `logo_${item.position}.png`);
  const isWhole = source !== undefined && (item.logoPath === undefined || logo !== undefined);
  if (!isWhole) return undefined;
  const measured = measuredSource(item, source, cache);
  if (measured === undefined) return renderItemOf(item, source, logo);
  const loudness = await notedLoudness(measured, ffmpegVersionText);
  return loudness === undefined ? undefined : renderItemOf(item, source, logo, loudness);
}

function pathsOf({ path, logoPath }: ResolvedItem): readonly string[] {
  return logoPath === undefined ? [path] : [path, logoPath];
}
