/**
 * What this PC is and can do, looked at again while the agent runs: its shares every minute, whatever failed when the
 * controller asks, and the encoder's sessions when there were too few. One look at a time.
 */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckHost, Inventory } from '../../proto/agent-link.ts';
import type { GpuLane } from '../core/gpu-choice.ts';
import { without } from '../core/without.ts';
import { bestSpeeds, encodingOf, gpuLanes } from './encoder-lanes.ts';
import type { EncoderProbe } from './encoder-probe.ts';
import { type EncoderStateOptions, type Finding, keepEncoders } from './encoder-state.ts';
import { freeBytes } from './load.ts';
import type { ShareState } from './share-probe.ts';
import type { MeasuredRender } from './speed-history.ts';

export interface HostWatchOptions extends EncoderStateOptions {
  readonly inventory: Inventory;
  readonly scratchFolder: string;
  /** Free scratch space below which nothing can be rendered here. */
  readonly scratchBytesMin: number;
  readonly probeShares: () => Promise<readonly ShareState[]>;
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

const scratchCauses = /DISK|SPACE|SCRATCH|CACHE|FILE_ACCESS|LOG_UNWRITABLE/u;
const encoderCauses = /ENCODER|FFMPEG|SEGMENT|GPU/u;
const shareCauses = /SHARE|OUTPUT|UPLOAD|FILE_/u;

export function createHostWatch(options: HostWatchOptions): HostWatch {
  const { measured } = options;
  const encoders = keepEncoders(options, ({ joinClasses }) => {
    if (joinClasses !== undefined) inventory = { ...inventory, joinClasses };
  });
  const speeds = (): Pick<Inventory, 'speeds'> => ({
    speeds: measured.over(bestSpeeds(encoders.probe().lanes)),
  });
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
  const encoding = () => ({ ...encodingOf(inventory.gpus, encoders.probe()), ...speeds() });

  return {
    inventory: () => inventory,
    encoderProbe: () => encoders.probe(),
    gpuLanes: () => gpuLanes(encoders.probe().lanes),
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
          ...(wants(encoderCauses) ? [await encoders.check(causes)] : []),
        ];
        const next = changed({ ...inventory, ...sharesOf(states), ...encoding() });
        const ok = findings.every((finding) => finding.ok);
        const told = findings.filter((finding) => ok || !finding.ok).map(({ detail }) => detail);
        const detail = told.join('; ') || 'nothing to try';
        return { ok, detail, ...(next === undefined ? {} : { changed: next }) };
      }),
    retryEncoder: () =>
      inTurn(async () =>
        (await encoders.retry(inventory.gpus)) ? changed({ ...inventory, ...encoding() }) : undefined,
      ),
    probeSessions: (sessions, gpuIndex) => inTurn(() => encoders.tryAtOnce(sessions, gpuIndex)),
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
