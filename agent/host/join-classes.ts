/**
 * Which PCs make segments that are as good as one's own: the same content keys, and codec parameters that join. Found out
 * by rendering one grey picture with the very function that renders a job's segments.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { probeMedia } from '../media/probe.ts';
import { silentCommandLog } from '../render/command-log.ts';
import { RenderFailedError } from '../render/failure.ts';
import { planRender } from '../render/plan.ts';
import type { SegmentPlan } from '../render/render-plan.ts';
import type { EncoderChoice, FfmpegInstall } from '../render/render-request.ts';
import { renderSegment } from '../render/segment.ts';
import type { SegmentSettings } from '../render/segment-command.ts';
import { segmentKey } from '../render/segment-key.ts';
import { fingerprintOf, readKept, writeKept } from './probe-cache.ts';

/** One kind of job, as far as its segments' parameters go. */
export interface JoinKind {
  readonly enable4k: boolean;
  readonly rateProfile: EncoderChoice['profile'];
}

/** Agents that tell the same id for a kind render the same segments of it, under the same keys. */
export interface FoundJoinClass extends JoinKind {
  readonly id: string;
}

export interface JoinClassOptions {
  /** Every place that renders; a kind whose places differ has no class. */
  readonly lanes: readonly { readonly gpuIndex?: number }[];
  readonly encoderFor: (enable4k: boolean, gpuIndex?: number) => Omit<EncoderChoice, 'profile'> | undefined;
  readonly ffmpeg: FfmpegInstall;
  /** Of the font that texts are drawn with. */
  readonly fontSha256: string;
  /** Made, and removed again. */
  readonly workFolder: string;
  /** File that keeps the result. @default every call renders */
  readonly cachePath?: string;
  readonly signal: AbortSignal;
  /** Hears why a kind has no class. */
  readonly onTrouble: (message: string, error?: unknown) => void;
}

/** Only the head of the file is looked at: a few frames are enough. */
const pictureMs = 200;
const stallMs = 60_000;
const fileName = 'image_0.png';
const kinds: readonly JoinKind[] = [false, true].flatMap((enable4k) =>
  (['studio', 'quality'] as const).map((rateProfile) => ({ enable4k, rateProfile })),
);

/** Four grey pixels. */
const picture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR4nGNoaGBoaAAABgYCASzBUNcAAAAASUVORK5CYII=',
  'base64',
);

/** The class of every kind of job that this PC renders. Rejects only with the signal's reason. */
export async function probeJoinClasses(options: JoinClassOptions): Promise<readonly FoundJoinClass[]> {
  const { cachePath, workFolder, signal, onTrouble } = options;
  try {
    await mkdir(workFolder, { recursive: true });
    await writeFile(path.join(workFolder, fileName), picture);
    const tests = await planTests(options);
    const fingerprint = fingerprintOf(
      tests.map(({ kind, encodes }) => [kind, encodes.map(({ key }) => key)]),
    );
    const known = cachePath === undefined ? undefined : await readKept(cachePath, fingerprint);
    // Written whole by ourselves under this fingerprint: its shape is known.
    if (known !== undefined) return known as readonly FoundJoinClass[];
    const found: FoundJoinClass[] = [];
    for (const { kind, encodes } of tests) {
      const id = await classOf(encodes, options);
      if (id !== undefined) found.push({ ...kind, id });
    }
    // What failed may pass the next time.
    if (cachePath !== undefined && found.length === tests.length)
      await writeKept(cachePath, fingerprint, found);
    return found;
  } catch (error) {
    signal.throwIfAborted();
    onTrouble('the join classes of this PC are not known: it helps nobody, and nobody helps it', error);
    return [];
  } finally {
    await rm(workFolder, { recursive: true, force: true }).catch(() => undefined);
  }
}

interface TestEncode {
  readonly segment: SegmentPlan;
  readonly settings: SegmentSettings;
  /** All that a segment's key has besides what is shown; not the card, as in every key. */
  readonly key: string;
}

/** The test encodes of each kind that every place can render, one for each place. */
async function planTests(
  options: JoinClassOptions,
): Promise<readonly { readonly kind: JoinKind; readonly encodes: readonly TestEncode[] }[]> {
  const { lanes, encoderFor, ffmpeg, fontSha256, workFolder, signal } = options;
  const facts = await probeMedia(path.join(workFolder, fileName), { ffprobe: ffmpeg.ffprobe, signal });
  return kinds.flatMap((kind) => {
    const { enable4k, rateProfile: profile } = kind;
    const item = { position: 0, itemType: 'image' as const, durationMs: pictureMs, fileName, facts };
    const planned = planRender({ enable4k, items: [{ ...item, sourcePath: fileName, sha256: 'grey' }] });
    if (!planned.ok) throw new Error(planned.problems.map(({ message }) => message).join('; '));
    const { frameSize, segments } = planned.plan;
    const encodes = lanes.flatMap(({ gpuIndex }) => {
      const encoder = encoderFor(enable4k, gpuIndex);
      const [segment] = segments;
      if (encoder === undefined || segment === undefined) return [];
      const settings: SegmentSettings = { frameSize, enable4k, encoder: { ...encoder, profile } };
      const text = { script: undefined, fontSha256: undefined, ffmpegVersionText: ffmpeg.versionText };
      return { segment, settings, key: `${segmentKey(segment, settings, text)} ${fontSha256}` };
    });
    return encodes.length > 0 && encodes.length === lanes.length ? { kind, encodes } : [];
  });
}

/** Undefined where the places differ, or one of them fails. */
async function classOf(
  encodes: readonly TestEncode[],
  options: JoinClassOptions,
): Promise<string | undefined> {
  const ids = new Set<string | undefined>();
  for (const encode of encodes) {
    const joinClass = await renderOnce(encode, options);
    ids.add(joinClass === undefined ? undefined : fingerprintOf([encode.key, joinClass]));
  }
  const [id] = ids;
  return ids.size === 1 ? id : undefined;
}

async function renderOnce(
  { segment, settings }: TestEncode,
  { ffmpeg, workFolder, signal, onTrouble }: JoinClassOptions,
): Promise<string | undefined> {
  const context = {
    request: { ffmpeg, workFolder, stallMs, startStallMs: stallMs },
    ...{ log: silentCommandLog, signal },
  };
  try {
    const checked = await renderSegment(context, segment, settings, () => undefined);
    signal.throwIfAborted();
    return checked?.joinClass;
  } catch (error) {
    if (!(error instanceof RenderFailedError)) throw error;
    const { rung, profile } = settings.encoder;
    onTrouble(`no join class for ${rung}, ${profile}, ${settings.enable4k ? '4K' : 'Full HD'}`, error);
    return undefined;
  }
}
