import fc from 'fast-check';
import type { AgentMessage, AttemptEvent, Hello, JobRef, Recalled } from '../../proto/agent-link.ts';
import { finished, inventory, manifest } from './agent-messages.ts';

const outcomes = [
  'published',
  'failed',
  'timed-out',
  'lost',
  'cancelled',
  'superseded',
  'evicted',
  'returned',
  'declined',
] as const;
/** What an agent says that a job of its own invention stands in. */
export const inventedQueue = 'no_queue';
export const heldStates = ['preparing', 'running', 'finishing', 'ready', 'publishing', 'finished'] as const;

/** What a codec would refuse is here too: the turn does not lean on it. */
export const hostileNumber = fc.constantFrom(
  0,
  1,
  2,
  3,
  50,
  100,
  1e9,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_VALUE,
  Number.POSITIVE_INFINITY,
  Number.NaN,
  -1,
  0.5,
);
const hostileText = fc.constantFrom('', 'x', '__proto__', 'a\nb\u0000', '\ud800', 'y'.repeat(5_000));
/** The next event number mostly; else one again, or a gap. */
const numberStep = fc.oneof(
  { weight: 8, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 2, 100) },
);

/** What an agent says of an attempt; `next` is the number that its next event should have. */
export type Talk = (ref: JobRef, next: number) => Exclude<AgentMessage, Hello>;

const event: fc.Arbitrary<AttemptEvent> = fc.oneof(
  fc.record({
    type: fc.constant('started' as const),
    copiedBytes: hostileNumber,
    reusedBytes: hostileNumber,
    totalFrames: hostileNumber,
  }),
  fc.record({
    type: fc.constant('segment-done' as const),
    position: hostileNumber,
    reused: fc.boolean(),
    frames: hostileNumber,
  }),
  fc.constant({ type: 'encoded' as const }),
  hostileNumber.map((frames) => ({ type: 'ready' as const, manifest: { ...manifest, frames } })),
  fc
    .record({
      outcome: fc.constantFrom(...outcomes),
      failureClass: fc.constantFrom('input' as const, 'job' as const, 'environment' as const),
      message: hostileText,
    })
    .map((end) => ({ type: 'finished' as const, finished: finished(end) })),
);

/** Rights as the controller numbers them, so that some are real ones. */
const right = fc.record({ term: fc.constantFrom(1, 1, 1, 2), counter: fc.integer({ min: 0, max: 12 }) });
const position = fc.oneof(fc.nat({ max: 19 }), hostileNumber);

/** What an agent says of items: its own job's, and those that it was given or was not. */
const itemTalk: fc.Arbitrary<Talk> = fc.oneof(
  fc
    .array(
      fc.record({
        position,
        frames: fc.oneof(fc.constant(300), hostileNumber),
        sourceBytes: hostileNumber,
        segmentKey: hostileText,
      }),
      { maxLength: 6 },
    )
    .map(
      (items): Talk =>
        (ref) => ({ kind: 'items-released', ref, items }),
    ),
  fc
    .record({
      positions: fc.array(position, { maxLength: 6 }),
      why: fc.constantFrom('own-turn' as const, 'not-in-cache' as const),
    })
    .map(
      (said): Talk =>
        (ref) => ({ kind: 'items-reclaimed', ref, ...said }),
    ),
  fc
    .record({
      position,
      right,
      result: fc.constantFrom('done' as const, 'declined' as const, 'failed' as const, 'stopped' as const),
      code: hostileText,
      message: hostileText,
    })
    .map(
      ({ position: at, right: its, ...said }): Talk =>
        (ref) => ({
          ...{ kind: 'item-finished', item: { ref, position: at, right: its } },
          ...{ reused: false, framesEncoded: 0, ...said },
        }),
    ),
);

/** What an agent tells of an attempt that the store does not know. */
function told(ref: JobRef, attemptNumber: number): Pick<Recalled, 'assign' | 'held'> {
  const items = [{ position: 0, itemType: 'video' as const, path: '\\\\nas\\Clips\\a.mp4' }];
  return {
    held: { ref, state: 'running', percent: 5 },
    assign: {
      kind: 'assign',
      ref,
      attemptNumber,
      job: {
        jobId: ref.jobId,
        userId: 'eve',
        username: 'eve',
        channelName: 'c',
        enable4k: false,
        queue: inventedQueue,
        priority: 'urgent',
        submittedAtMs: 0,
        logDate: '',
        timeZone: 'UTC',
        rateProfile: 'studio',
        items,
      },
      resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
      output: { folder: '\\\\nas\\R', stagingFolder: '\\\\nas\\R\\.renderfarm\\x', finalName: 'x.mp4' },
      limits: { softRunMs: 1, hardRunMs: 1, stallMs: 1, startStallMs: 1 },
    },
  };
}

/** Anything that an agent can say on its stream, in a shape that the types allow. */
export const talk: fc.Arbitrary<Talk> = fc.oneof(
  { weight: 2, arbitrary: itemTalk },
  fc.record({ load1: hostileNumber, probeId: hostileText }).map(
    (said): Talk =>
      () => ({
        kind: 'heartbeat',
        sequence: 1,
        scratchFreeBytes: said.load1,
        worstLoopStallMs: 0,
        oldestShareOperationMs: 0,
        ...said,
      }),
  ),
  hostileNumber.map(
    (presentBytes): Talk =>
      (ref) => ({ kind: 'assignment-reply', ref, accepted: true, presentBytes, presentSegments: 0 }),
  ),
  fc.constantFrom('NO_SLOT', 'JOURNAL_FULL', '').map(
    (code): Talk =>
      (ref) => ({ kind: 'assignment-reply', ref, accepted: false, code, reason: code }),
  ),
  {
    weight: 6,
    arbitrary: fc.tuple(event, numberStep).map(
      ([said, step]): Talk =>
        (ref, next) => ({ kind: 'event', number: next - 1 + step, ref, atMs: 0, event: said }),
    ),
  },
  fc
    .record({
      state: fc.constantFrom(...heldStates),
      percent: hostileNumber,
      framesDone: hostileNumber,
      framesTotal: hostileNumber,
      etaMs: hostileNumber,
      waiting: fc.record({ reason: hostileText, waitedMs: hostileNumber }),
    })
    .map(
      (said): Talk =>
        (ref) => ({ kind: 'progress', ref, ...said }),
    ),
  fc
    .record({
      state: fc.constantFrom('fetching' as const, 'done' as const, 'failed' as const, 'withdrawn' as const),
      files: hostileNumber,
      bytes: hostileNumber,
      message: hostileText,
      announcementId: hostileText,
    })
    .map(
      (said): Talk =>
        (ref) => ({ kind: 'prefetch-report', jobId: ref.jobId, ...said }),
    ),
  fc
    .record({ slots: hostileNumber, framesPerSecond: hostileNumber, encoders: fc.boolean() })
    .map(({ slots, framesPerSecond, encoders }): Talk => {
      const encoder = { ...inventory().encoders[0], framesPerSecond } as ReturnType<
        typeof inventory
      >['encoders'][number];
      return () => ({
        kind: 'inventory',
        inventory: inventory({ slots, encoders: encoders ? [encoder] : [] }),
      });
    }),
  fc
    .record({
      result: fc.constantFrom(
        'published' as const,
        'absent' as const,
        'mismatch' as const,
        'unreachable' as const,
      ),
      detail: hostileText,
    })
    .map(
      (said): Talk =>
        (ref) => ({ kind: 'finish-publish-reply', ref, ...said }),
    ),
  fc
    .record({
      result: fc.constantFrom('annulled', 'published', 'mismatch', 'unreachable'),
      publishedPath: hostileText,
    })
    .map(
      (said): Talk =>
        (ref) => ({ kind: 'annul-publish-reply', ref, ...said }),
    ),
  fc.record({ tells: fc.boolean(), attemptNumber: hostileNumber }).map(
    ({ tells, attemptNumber }): Talk =>
      (ref) => ({ kind: 'recalled', ref, ...(tells && told(ref, attemptNumber)) }),
  ),
  fc.record({ checkId: hostileText, ok: fc.boolean(), detail: hostileText }).map(
    (said): Talk =>
      () => ({ kind: 'host-checked', ...said }),
  ),
  hostileText.map(
    (id): Talk =>
      () => ({ kind: 'inventory', inventory: inventory({ shareIds: [{ share: 'results', id }] }) }),
  ),
  fc.boolean().map(
    (gives): Talk =>
      (ref) => ({ kind: 'goodbye', reason: 'shutdown', givesBack: gives ? [ref, ref] : [] }),
  ),
);
