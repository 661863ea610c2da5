/**
 * What this PC is and can do, looked at again while the agent runs: its shares every minute, whatever failed when the
 * controller asks, and the encoder's sessions when there were too few. One look at a time.
 */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckHost, Inventory } from '../../proto/agent-link.ts';
import type { JoinClass } from '../../proto/item-link.ts';
import type { GpuLane } from '../core/gpu-choice.ts';
import { without } from '../core/without.ts';
import type { EncoderRungName } from '../render/encoder.ts';
import { encoderRung } from '../render/encoder.ts';
import type { RenderProblemCode } from '../render/problem-codes.ts';
import { encodeOnce } from './encode-once.ts';
import type { EncoderLane } from './encoder-lanes.ts';
import { bestSpeeds, encodingOf, gpuLanes } from './encoder-lanes.ts';
import { type EncoderProbe, passingFailure } from './encoder-probe.ts';
import { freeBytes } from './load.ts';
import type { MeasuredSpeeds } from './measured-speeds.ts';
import type { ShareState } from './share-probe.ts';
import type { MeasuredRender } from './speed-history.ts';

export interface HostWatchOptions {
  readonly inventory: Inventory;
  readonly encoderProbe: EncoderProbe;
  readonly scratchFolder: string;
  /** Free scratch space below which nothing can be rendered here. */
  readonly scratchBytesMin: number;
  readonly encoder: { readonly ffmpeg: string; readonly threads?: number };
  readonly measured: MeasuredSpeeds;
  /** What else measured speeds depend on: `speedsBelongTo` is called with it when the encoders are others. */
  readonly speedsBelongTo: (probe: EncoderProbe) => string;
  readonly probeShares: () => Promise<readonly ShareState[]>;
  /** What this PC can do for others' jobs. @default nothing */
  readonly assist?: AssistProbe;
  /** Tries the whole ladder anew. */
  readonly probeEncoders: () => Promise<EncoderProbe>;
  readonly signal: AbortSignal;
}

export interface AssistProbe {
  /** Which shared segment cache this PC reaches; undefined: none now. */
  readonly cacheId: () => Promise<string | undefined>;
  readonly joinClasses: (probe: EncoderProbe) => Promise<readonly JoinClass[]>;
}

export interface Finding {
  readonly ok: boolean;
  /** One sentence for people. */
  readonly detail: string;
}

export interface HostWatch {
  inventory(): Inventory;
  encoderProbe(): EncoderProbe;
  /** The GPUs that renders are shared out to, on a PC with several. */
  gpuLanes(): readonly GpuLane[];
  /** The inventory, when its shares are others than before. Rejects with the signal's reason. */
  lookAtShares(): Promise<Inventory | undefined>;
  /** Tries what failed; a changed inventory comes with what was found. */
  check(request: Pick<CheckHost, 'causes' | 'shares'>): Promise<Finding & { readonly changed?: Inventory }>;
  /**
   * Where a better encoder failed for a reason that may have passed: tries it once, then all of them. The inventory, when
   * it is another one. Rejects with the signal's reason.
   */
  retryEncoder(): Promise<Inventory | undefined>;
  /** Runs so many encodes at once, on one GPU of several where it is named. */
  probeSessions(sessions: number, gpuIndex?: number): Promise<Finding>;
  /** A render came to its last frame: the inventory, when it says another speed now. */
  rendered(render: MeasuredRender): Inventory | undefined;
  /** Waits for what is being looked at. */
  settled(): Promise<unknown>;
}

const testFrames = 15;
const testMs = 60_000;
const scratchCauses = /DISK|SPACE|SCRATCH|CACHE|FILE_ACCESS|LOG_UNWRITABLE/u;
const encoderCauses = /ENCODER|FFMPEG|SEGMENT|GPU/u;
const shareCauses = /SHARE|OUTPUT|UPLOAD|FILE_/u;

export function createHostWatch(options: HostWatchOptions): HostWatch {
  const { measured } = options;
  let { encoderProbe } = options;
  const speeds = (): Pick<Inventory, 'speeds'> => ({ speeds: measured.over(bestSpeeds(encoderProbe.lanes)) });
  let inventory: Inventory = { ...options.inventory, ...speeds() };
  let looking: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(look: () => Promise<T>): Promise<T> => {
    const next = looking.then(look);
    looking = next.catch(() => undefined);
    return next;
  };
  const changed = (next: Inventory): Inventory | undefined => {
    if (JSON.stringify(next) === JSON.stringify(inventory)) return undefined;
    inventory = next;
    return inventory;
  };
  const probeAnew = async (): Promise<void> => {
    encoderProbe = await options.probeEncoders();
    measured.belongTo(options.speedsBelongTo(encoderProbe));
    const joinClasses = await options.assist?.joinClasses(encoderProbe);
    if (joinClasses !== undefined) inventory = { ...inventory, joinClasses };
  };
  const checkEncoder = async (causes: readonly string[]): Promise<Finding> => {
    const found = await testLanes(options, encoderProbe);
    // A PC whose card fell out is not well because its processor can encode too: a person decides that.
    const isWell = (): boolean =>
      encoderProbe.encoders[0]?.hardware === true || !causes.includes('GPU_LOST' satisfies RenderProblemCode);
    if (found.ok && isWell()) return found;
    await probeAnew();
    const [best] = encoderProbe.encoders;
    if (best === undefined) return found;
    const ok = isWell();
    return { ok, detail: `${ok ? '' : 'only '}${best.rung} encodes (${found.detail})` };
  };
  const encoding = () => ({ ...encodingOf(inventory.gpus, encoderProbe), ...speeds() });

  return {
    inventory: () => inventory,
    encoderProbe: () => encoderProbe,
    gpuLanes: () => gpuLanes(encoderProbe.lanes),
    lookAtShares: () =>
      inTurn(async () => {
        const next = { ...inventory, ...sharesOf(await options.probeShares()) };
        return changed(withCacheId(next, await options.assist?.cacheId()));
      }),
    check: ({ causes, shares }) =>
      inTurn(async () => {
        const wants = (pattern: RegExp): boolean =>
          !causes.some(isKnown) || causes.some((code) => pattern.test(code));
        const states = await options.probeShares();
        const all = wants(shareCauses) ? states.map(({ share }) => share) : [];
        const findings = [
          ...(shares.length > 0 ? shares : all).map((share) => checkShare(share, states)),
          ...(wants(scratchCauses) ? [await checkScratch(options)] : []),
          ...(wants(encoderCauses) ? [await checkEncoder(causes)] : []),
        ];
        const next = changed({ ...inventory, ...sharesOf(states), ...encoding() });
        const ok = findings.every((finding) => finding.ok);
        const told = findings.filter((finding) => ok || !finding.ok).map(({ detail }) => detail);
        const detail = told.join('; ') || 'nothing to try';
        return { ok, detail, ...(next === undefined ? {} : { changed: next }) };
      }),
    retryEncoder: () =>
      inTurn(async () => {
        const failure = passingFailure(encoderProbe, inventory.gpus);
        if (failure === undefined) return undefined;
        const again = await encodeOnce(encoderRung(failure.rung as EncoderRungName), {
          ...{
            ...options.encoder,
            enable4k: failure.size === '2160p',
            frames: testFrames,
            timeoutMs: testMs,
          },
          ...(failure.gpuIndex === undefined ? {} : { gpuIndex: failure.gpuIndex }),
          signal: options.signal,
        });
        if (!again.succeeded) return undefined;
        await probeAnew();
        return changed({ ...inventory, ...encoding() });
      }),
    probeSessions: (sessions, gpuIndex) =>
      inTurn(() => testEncodes(options, laneAt(encoderProbe, gpuIndex), sessions)),
    rendered(render) {
      measured.add(render);
      return changed({ ...inventory, ...speeds() });
    },
    settled: () => looking,
  };
}

/** What the inventory says of the shared segment cache, without which nobody can be helped. */
export function withCacheId(inventory: Inventory, id: string | undefined): Inventory {
  return { ...without(inventory, 'segmentCacheId'), ...(id === undefined ? {} : { segmentCacheId: id }) };
}

/** What the inventory says of shares. */
export function sharesOf(states: readonly ShareState[]): Pick<Inventory, 'shares' | 'shareIds'> {
  const readable = states.filter((state) => state.readable);
  return {
    shares: readable.map(({ share }) => share),
    shareIds: readable.flatMap(({ share, identity }) =>
      identity === undefined ? [] : { share, id: identity },
    ),
  };
}

function isKnown(code: string): boolean {
  return [scratchCauses, encoderCauses, shareCauses].some((pattern) => pattern.test(code));
}

function checkShare(share: string, states: readonly ShareState[]): Finding {
  const state = states.find((one) => one.share === share);
  if (state === undefined) return { ok: false, detail: `share ${share} is not mounted here` };
  if (state.readable && !state.empty) return { ok: true, detail: `share ${share} can be read` };
  const reason = state.readable ? 'it is empty: probably it is not mounted' : (state.reason ?? 'unknown');
  return { ok: false, detail: `share ${share} cannot be used: ${reason}` };
}

async function checkScratch({ scratchFolder, scratchBytesMin }: HostWatchOptions): Promise<Finding> {
  const path = join(scratchFolder, `check-${randomUUID()}.part`);
  try {
    const free = await freeBytes(scratchFolder);
    if (free < scratchBytesMin) {
      return { ok: false, detail: `${free} bytes of scratch space are free, ${scratchBytesMin} are needed` };
    }
    await writeFile(path, 'x'.repeat(65_536), { flush: true });
    return { ok: true, detail: `${free} bytes of scratch space are free` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, detail: `the scratch space cannot be written: ${reason}` };
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/** The lane of a GPU, or the only one. */
export function laneAt({ lanes }: EncoderProbe, gpuIndex: number | undefined): EncoderLane | undefined {
  return gpuIndex === undefined ? lanes[0] : lanes.find((lane) => lane.gpuIndex === gpuIndex);
}

/** One encode on each lane: a PC with two cards is not well when one of them has fallen out. */
async function testLanes(options: HostWatchOptions, { lanes }: EncoderProbe): Promise<Finding> {
  const findings: Finding[] = [];
  for (const lane of lanes.length === 0 ? [undefined] : lanes)
    findings.push(await testEncodes(options, lane, 1));
  return findings.find(({ ok }) => !ok) ?? findings[0] ?? { ok: false, detail: 'nothing to try' };
}

async function testEncodes(
  { encoder, signal }: HostWatchOptions,
  lane: EncoderLane | undefined,
  sessions: number,
): Promise<Finding> {
  const best = lane?.encoders[0];
  if (best === undefined) return { ok: false, detail: 'no encoder passes the test encode' };
  // The probe takes its rungs from the same ladder.
  const rung = encoderRung(best.rung as EncoderRungName);
  const gpu = lane?.gpuIndex === undefined ? {} : { gpuIndex: lane.gpuIndex };
  const results = await Promise.all(
    Array.from({ length: sessions }, () =>
      encodeOnce(rung, {
        ...{ ...encoder, ...gpu, enable4k: false },
        ...{ frames: testFrames, timeoutMs: testMs, signal },
      }),
    ),
  );
  const failed = results.find((result) => !result.succeeded);
  const where = lane?.gpuIndex === undefined ? best.rung : `${best.rung} on GPU ${lane.gpuIndex}`;
  const what = sessions === 1 ? where : `${sessions} x ${where} at once`;
  if (failed === undefined) return { ok: true, detail: `${what}: the test encode passes` };
  return { ok: false, detail: `${what}: the test encode fails: ${failed.reason}` };
}
