import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Assign, workClassOf } from '../../proto/index.ts';
import { frameSizeOf } from '../render/geometry.ts';
import { plannedKey } from '../render/planned-key.ts';
import { framesPerSecond } from '../render/render-plan.ts';
import type { EncoderChoice } from '../render/render-request.ts';
import type { SegmentBoard } from '../render/segment-board.ts';
import type { SegmentCache } from '../render/segment-cache.ts';
import type { SegmentSettings } from '../render/segment-command.ts';
import type { JobLog } from './job-log.ts';
import type { ReleasedItems, ReleasedItemsOptions } from './released-items.ts';
import { createReleasedItems } from './released-items.ts';
import type { AttemptServices } from './services.ts';

/** How an attempt and whoever gives its items away know each other. */
export interface OwnerPort {
  /** Items may be given up from now on; undefined: no more. */
  readonly opened: (items: ReleasedItems | undefined) => void;
  readonly reclaimed: ReleasedItemsOptions['reclaimed'];
}

export interface OwnItemsOptions {
  readonly assign: Assign;
  readonly services: AttemptServices;
  readonly log: JobLog;
  readonly workFolder: string;
  readonly board: SegmentBoard;
  /** Of the files of an item. @default not known */
  readonly bytesOf?: (position: number) => number;
  /** @default nobody */
  readonly owner?: OwnerPort;
  readonly gpuIndex?: number;
}

/** The items of a render that begins; none may be given up where nobody could give a segment back. */
export function openOwnItems(
  { assign: { job }, services, log, workFolder, board, bytesOf = () => 0, owner, gpuIndex }: OwnItemsOptions,
  encoder: EncoderChoice,
  cache: SegmentCache,
): ReleasedItems {
  const { segments, speeds, ffmpeg } = services;
  const { enable4k, items } = job;
  const settings: SegmentSettings = { frameSize: frameSizeOf(enable4k), enable4k, encoder };
  const isAlone = job.options?.noCache === true;
  const own = createReleasedItems({
    ...{ board, items, bytesOf },
    concurrency: () => speeds.segmentsAtOnce(services.concurrency.segments, gpuIndex),
    keyOf: (segment) => plannedKey(segment, settings, ffmpeg.versionText),
    isOff: () => isAlone || segments.sharedState() !== 'ready',
    isCached: async (key) => (await segments.has(key)) || (await segments.hasShared(key)),
    async bring(key) {
      // Here it is in this PC's tier, pinned, and checked byte for byte; the loop links it where it belongs.
      const target = join(workFolder, `delivered-${key}.mov`);
      const taken = await cache.take({ key }, target);
      await rm(target, { force: true });
      return taken !== undefined;
    },
    expectedRate() {
      const speed = speeds.expected(workClassOf({ enable4k }))?.speed;
      return speed === undefined ? undefined : speed * framesPerSecond;
    },
    reclaimed: (reclaimed) => owner?.reclaimed(reclaimed),
    log: (message) => log.info(message),
    nowMs: services.nowMs,
  });
  owner?.opened(own);
  return own;
}
