import fc from 'fast-check';
import type {
  AssignedJob,
  AttemptEvent,
  Feature,
  FinishedOutcome,
  HeldAttempt,
  Inventory,
  JobRef,
  Manifest,
  OutputTarget,
  Problem,
  ResolvedItem,
  Usage,
  Verdict,
} from '../../proto/agent-link.ts';
import type { FileSeen } from '../../proto/file-link.ts';
import type { ItemRef } from '../../proto/item-link.ts';
import type { Loudness, RenderOptions } from '../../proto/render-options.ts';

/** fast-check arbitraries of what the messages of the agent protocol are made of, typed by agent-link.ts. */
export const int32 = fc.nat(2 ** 31 - 1);
export const count = fc.maxSafeNat();
export const spanMs = fc.nat(10_000_000_000);
export const atMs = fc.nat(4_000_000_000_000);
export const ratio = fc.double({ min: 0, max: 1e6, noNaN: true }).map(Math.abs);
export const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
export const anyText = fc.string({ unit: 'grapheme', maxLength: 20 });
export const texts = fc.array(anyText, { maxLength: 4 });
export const percent = fc.nat(100);
export const few = { maxLength: 3 };

/** A record whose keys after `optional` may be absent. */
export function record<T extends object>(
  model: { readonly [K in keyof Required<T>]: fc.Arbitrary<NonNullable<T[K]>> },
  ...optional: (keyof T)[]
): fc.Arbitrary<T> {
  const fields: Readonly<Record<string, fc.Arbitrary<unknown>>> = model;
  const requiredKeys = Object.keys(fields).filter((key) => !optional.some((name) => name === key));
  const built: fc.Arbitrary<unknown> = fc.record(fields, {
    requiredKeys,
    noNullPrototype: true,
  });
  return built as fc.Arbitrary<T>;
}

const fence = fc.record({ term: count, counter: count }, { noNullPrototype: true });
export const ref = record<JobRef>({ jobId: fc.uuid(), fence });
export const itemRef = record<ItemRef>({ ref, position: int32, right: fence });

export const fileSeen = record<FileSeen>(
  {
    state: fc.constantFrom('readable', 'missing', 'denied', 'unusable', 'unreachable', 'not-looked'),
    // On the wire 0 is the same as not known.
    sizeBytes: count.map((value) => value || 1),
    durationMs: spanMs,
    width: int32.map((value) => value || 1),
    height: int32.map((value) => value || 1),
    codec: text,
    isImage: fc.boolean(),
    code: text,
    message: text,
  },
  'sizeBytes',
  'durationMs',
  'width',
  'height',
  'codec',
  'isImage',
  'code',
  'message',
);

export const item = record<ResolvedItem>(
  {
    position: int32,
    itemType: fc.constantFrom('intro', 'video', 'transition', 'outro', 'image'),
    videoId: text,
    path: text,
    title: text,
    logoPath: text,
    durationMs: spanMs,
    text,
    normalizeLoudness: fc.constant(true as const),
  },
  'videoId',
  'title',
  'logoPath',
  'durationMs',
  'text',
  'normalizeLoudness',
);
export const output = record<OutputTarget>(
  { folder: text, stagingFolder: text, finalName: text, shareId: text },
  'shareId',
);
const features: fc.Arbitrary<Feature> = fc.constantFrom(
  'logo_overlay',
  'text_animation',
  'image_slides',
  '4k_output',
);
const level = fc.double({ min: -100, max: 100, noNaN: true });
export const manifest = record<Manifest>(
  {
    fileName: text,
    sizeBytes: count,
    durationMs: spanMs,
    frames: count,
    sha256: text,
    features: fc.uniqueArray(features),
    shareId: text,
    contactSheetName: text,
    previewName: text,
    loudness: record<Loudness>(
      { integrated: level, range: level, truePeak: level },
      'integrated',
      'range',
      'truePeak',
    ),
  },
  'shareId',
  'contactSheetName',
  'previewName',
  'loudness',
);
const problem = record<Problem>(
  { position: int32, subject: text, code: text, message: anyText },
  'position',
  'subject',
);
const usage = record<Usage>(
  {
    copiedFiles: count,
    copiedBytes: count,
    reusedFiles: count,
    reusedBytes: count,
    segmentsRendered: count,
    segmentsReused: count,
    segmentsHelped: fc.integer({ min: 1, max: 2_000 }),
    framesEncoded: count,
    runMs: spanMs,
    waitedForSharesMs: spanMs,
    firstFrameMs: spanMs,
  },
  'segmentsHelped',
  'firstFrameMs',
);
export const outcome = fc.constantFrom(
  'published',
  'failed',
  'timed-out',
  'lost',
  'cancelled',
  'superseded',
  'evicted',
  'returned',
  'declined',
);
export const stopOutcome = fc.constantFrom('cancelled', 'superseded', 'evicted', 'lost', 'timed-out');
const finished = record<FinishedOutcome>(
  {
    outcome,
    failureClass: fc.constantFrom('input', 'job', 'environment'),
    message: text,
    problems: fc.array(problem, few),
    exitCode: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    stderrTail: texts,
    publishedPath: text,
    usage,
  },
  'failureClass',
  'message',
  'exitCode',
  'publishedPath',
);
export const heldState = fc.constantFrom(
  'preparing',
  'running',
  'finishing',
  'ready',
  'publishing',
  'finished',
);
export const held = record<HeldAttempt>(
  { ref, state: heldState, percent, manifest, finished },
  'manifest',
  'finished',
);
export const inventory = record<Inventory>(
  {
    hostname: anyText,
    os: anyText,
    cpuModel: anyText,
    cpuCores: int32,
    memoryBytes: count,
    gpus: fc.array(
      record({
        index: int32,
        name: anyText,
        driver: anyText,
        memoryBytes: count,
        slots: fc.nat(64),
        sessions: fc.nat(64),
      }),
      few,
    ),
    encoders: fc.array(
      record({
        encoder: text,
        rung: anyText,
        hardware: fc.boolean(),
        max: fc.constantFrom('1080p', '2160p'),
        framesPerSecond: ratio,
        sessionsProbed: int32,
      }),
      few,
    ),
    ffmpegVersion: anyText,
    scratchFreeBytes: count,
    queues: texts,
    slots: fc.nat(64),
    labels: texts,
    shares: texts,
    shareIds: fc.array(record({ share: text, id: text }), few),
    speeds: fc.array(record({ workClass: text, speed: ratio, runs: int32 }), few),
    concurrentSpeeds: fc.array(ratio, few),
    copyBytesPerSecond: ratio,
    scratchAvailableBytes: count,
    segmentCacheId: text,
    joinClasses: fc.array(
      record({ enable4k: fc.boolean(), rateProfile: fc.constantFrom('studio', 'quality'), id: text }),
      { ...few, minLength: 1 },
    ),
  },
  'scratchAvailableBytes',
  'segmentCacheId',
  'joinClasses',
);
export const event: fc.Arbitrary<AttemptEvent> = fc.oneof(
  record({
    type: fc.constant('started'),
    copiedBytes: count,
    reusedBytes: count,
    totalFrames: count,
  }),
  record({ type: fc.constant('segment-done'), position: int32, reused: fc.boolean(), frames: count }),
  record({ type: fc.constant('encoded') }),
  record({ type: fc.constant('ready'), manifest }),
  record({ type: fc.constant('finished'), finished }),
);

export const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  record({ verdict: fc.constant('keep') }),
  record({ verdict: fc.constant('stop'), reason: anyText, outcome: stopOutcome }),
  record({ verdict: fc.constant('forget') }),
  record({ verdict: fc.constant('publish'), finalName: text }),
  record({ verdict: fc.constant('refused'), reason: anyText }),
  record({ verdict: fc.constant('adopt'), fence }),
);
export const rateProfile = fc.constantFrom('studio', 'quality');
const options = record<RenderOptions>(
  {
    rateProfile,
    noCache: fc.boolean(),
    keepFailed: fc.boolean(),
    fullDecode: fc.boolean(),
    loudnessReport: fc.boolean(),
    contactSheet: fc.boolean(),
    preview: fc.boolean(),
  },
  'rateProfile',
);
export const job = record<AssignedJob>(
  {
    jobId: fc.uuid(),
    userId: text,
    username: anyText,
    channelName: text,
    enable4k: fc.boolean(),
    queue: text,
    priority: fc.constantFrom('low', 'normal', 'high', 'urgent'),
    submittedAtMs: atMs,
    logDate: anyText,
    timeZone: anyText,
    rateProfile,
    items: fc.array(item, few),
    wishes: record({ onlyOn: texts, notOn: texts, labels: texts }),
    deadlineMs: atMs,
    options,
  },
  'wishes',
  'deadlineMs',
  'options',
);
