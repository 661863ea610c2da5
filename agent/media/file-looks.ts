/**
 * Looks at files on the shares for jobs that are only verified: are they there, and what are they. Guarantee: every file
 * gets an answer within the look's limit, and nothing of a share is opened in this process, so that one that hangs costs
 * its own answers only. Limit: what a file is comes from its head; only a copy tells whether all of it can be read.
 */
import { LRUCache } from 'lru-cache';
import pMap from 'p-map';
import type { FileSeen, LookAtFiles } from '../../proto/index.ts';
import type { ProcessBook } from '../process/process-book.ts';
import type { MediaFacts } from '../render/facts.ts';
import type { ContentCache } from './content-cache.ts';
import { unlessLate } from './file-look-time.ts';
import { asSeen, faultSeen } from './file-seen.ts';
import { openGate } from './gate.ts';
import { describeMedia } from './probe.ts';
import { knownFacts } from './probe-files.ts';
import { explainShareFailure } from './share-failure.ts';
import type { ShareOperations } from './share-operations.ts';
import type { SourceVersion } from './share-protocol.ts';
import { type MountedPath, type Mounts, resolveUnc } from './unc.ts';

export interface FileLooksOptions {
  readonly mounts: Mounts;
  readonly cache: Pick<ContentCache, 'recognise' | 'notePath'>;
  /** Of their own: a look waits for no copy, and keeps none waiting. */
  readonly operations: ShareOperations;
  readonly ffprobe: string;
  readonly ffprobeVersion: string;
  readonly book?: ProcessBook;
  readonly signal: AbortSignal;
  /** One file, and then its share is taken to hang. */
  readonly fileMs: number;
}

export interface FileLooks {
  /** As many answers as paths, in their order. Never rejects. */
  look(ask: LookAtFiles): Promise<readonly FileSeen[]>;
}

/** Files at a time, of all looks together (mission.md section 3: probes). */
const atATime = 8;
/** Of one look, whatever is asked for: timers know no more than 24 days. */
const lookMsMax = 600_000;
/** Descriptions that are remembered, by path and version: a job is verified again after each correction. */
const rememberedMax = 10_000;

export function createFileLooks(options: FileLooksOptions): FileLooks {
  const gate = openGate(atATime);
  const described = new LRUCache<string, MediaFacts>({ max: rememberedMax });
  const hung = new Map<string, number>();
  const context: Context = { ...options, described, hung };
  return {
    async look({ paths, limitMs }) {
      const until = AbortSignal.any([
        options.signal,
        AbortSignal.timeout(Math.min(Math.ceil(limitMs), lookMsMax)),
      ]);
      return await pMap(
        paths,
        async (path) => {
          try {
            const leave = await gate.enter(until);
            try {
              return await lookAt(path, context, until);
            } finally {
              leave();
            }
          } catch (error) {
            return until.aborted ? notLooked : faultSeen(error);
          }
        },
        { concurrency: atATime },
      );
    },
  };
}

const notLooked: FileSeen = { state: 'not-looked', message: 'there was no time left to look at it' };

interface Context extends FileLooksOptions {
  readonly described: LRUCache<string, MediaFacts>;
  /** Files of a share that somebody still waits for, though their time is over; by share. */
  readonly hung: Map<string, number>;
}

/** Files of one share that hang before no other one of it is looked at. */
const hungMax = 2;

async function lookAt(path: string, context: Context, until: AbortSignal): Promise<FileSeen> {
  const source = resolveUnc(path, context.mounts, process.platform);
  const hanging = context.hung.get(source.share) ?? 0;
  if (hanging >= hungMax) {
    const message = `share ${source.share} does not answer: ${hanging} looks at it hang`;
    return { state: 'unreachable', code: 'SHARE_STALLED', message };
  }
  const looking = examined(source, context, until).then((version) =>
    factsOf(source, version, context, until),
  );
  return await unlessLate(looking, {
    limitMs: context.fileMs,
    signal: until,
    onLate: () => waitFor(looking, source.share, context.hung),
    late: {
      state: 'unreachable',
      code: 'SHARE_STALLED',
      message: `share ${source.share} gave no answer within ${context.fileMs} ms`,
    },
  });
}

/** It counts until it is over: a process in a hung call cannot even be killed. */
function waitFor(looking: Promise<unknown>, share: string, hung: Map<string, number>): void {
  hung.set(share, (hung.get(share) ?? 0) + 1);
  const over = (): void => void hung.set(share, (hung.get(share) ?? 1) - 1);
  looking.then(over, over);
}

async function examined(
  source: MountedPath,
  { operations, fileMs }: Context,
  signal: AbortSignal,
): Promise<SourceVersion> {
  const { localPath: path, mountPath } = source;
  try {
    const request = { op: 'examine', path, mountPath, hashBelowBytes: 0 } as const;
    return await operations.call(request, { signal, silenceMs: fileMs });
  } catch (error) {
    throw await explainShareFailure(error, source, operations, signal);
  }
}

async function factsOf(
  source: MountedPath,
  version: SourceVersion,
  context: Context,
  signal: AbortSignal,
): Promise<FileSeen> {
  const { sizeBytes } = version;
  if (sizeBytes === 0)
    return { state: 'unusable', code: 'MEDIA_UNREADABLE', message: `${source.uncPath} is empty (0 bytes)` };
  const sha256 = context.cache.recognise(source.localPath, version);
  const known =
    sha256 === undefined ? undefined : await knownFacts(sha256, context.cache, context.ffprobeVersion);
  try {
    const facts = known ?? (await descriptionOf(source, version, context, signal));
    return asSeen(facts, sizeBytes, source.uncPath);
  } catch (error) {
    signal.throwIfAborted();
    return faultSeen(error, { sizeBytes, uncPath: source.uncPath });
  }
}

/** FFmpeg takes such a name of a picture for that of many, before it looks at what is there. */
const seriesName = /%\d*d[^/\\]*$/u;

async function descriptionOf(
  { localPath, mountPath }: MountedPath,
  { sizeBytes, changedAtNs }: SourceVersion,
  { described, operations, fileMs, ...options }: Context,
  signal: AbortSignal,
): Promise<MediaFacts> {
  if (seriesName.test(localPath))
    throw new Error('only a copy tells what it is: its name reads like a numbered series');
  const key = JSON.stringify([localPath, sizeBytes, changedAtNs]);
  const before = described.get(key);
  if (before !== undefined) return before;
  const { ffprobe, book } = options;
  const facts = await describeMedia(localPath, {
    // Whoever asked has their answer before: that a process takes long says nothing of the file.
    ...{ ffprobe, timeoutMs: 2 * fileMs },
    ...(book === undefined ? {} : { book }),
    // There is nothing to be said good-bye to.
    ...{ signal, force: signal },
  });
  const request = { op: 'ends-early', path: localPath, mountPath, formatName: facts.formatName } as const;
  const { endsEarly } = await operations.call(request, { signal, silenceMs: fileMs });
  const whole: MediaFacts = { ...facts, sizeBytes, hasPartialEnd: endsEarly };
  described.set(key, whole);
  return whole;
}
