import type { ServiceDefinition } from '@grpc/grpc-js';
import type { AgentMessage, ControllerMessage, JobRef } from '../proto/agent-link.ts';
import { encodeAgentMessage } from '../proto/codec/agent-message.ts';
import { encodeControllerMessage } from '../proto/codec/controller-message.ts';
import { usage } from './no-op-messages.ts';

const same = (bytes: Buffer): Buffer => bytes;
const bytesThrough = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

/** The two calls that a job's life needs, with bytes that nobody looks into. */
export const floorMethods = {
  submit: { path: '/floor.Floor/Submit', requestStream: false, responseStream: false, ...bytesThrough },
  attach: { path: '/floor.Floor/Attach', requestStream: true, responseStream: true, ...bytesThrough },
} as const satisfies ServiceDefinition;

/** How the floor tells its messages apart, without decoding them. */
export const firstByte = {
  slot: 1,
  accepted: 2,
  started: 3,
  encoded: 4,
  ready: 5,
  finished: 6,
  assign: 7,
  grant: 8,
  ack: 9,
} as const;

const ref: JobRef = {
  jobId: '00000000-0000-4000-8000-000000000000',
  fence: { term: 1_790_000_000_000, counter: 100_000 },
};
const manifest = { sizeBytes: 1, durationMs: 33, frames: 1, sha256: '0'.repeat(64), features: [] };
const finalName = `Bench_${ref.jobId}.mp4`;

/** What the agents of the floor send: real messages' bytes, with a first byte that tells what they are. */
export const floorSaid = {
  slot: marked(firstByte.slot, Buffer.alloc(1)),
  accepted: said(firstByte.accepted, {
    kind: 'assignment-reply',
    ref,
    accepted: true,
    presentBytes: 0,
    presentSegments: 0,
  }),
  started: event(firstByte.started, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 }),
  encoded: event(firstByte.encoded, { type: 'encoded' }),
  ready: event(firstByte.ready, { type: 'ready', manifest: { fileName: finalName, ...manifest } }),
  finished: event(firstByte.finished, {
    type: 'finished',
    finished: { outcome: 'published', problems: [], stderrTail: [], usage },
  }),
} as const;

/** What the floor's server answers. */
export const floorAnswers = {
  submitted: Buffer.alloc(130),
  assign: answer(firstByte.assign, {
    kind: 'assign',
    ref,
    attemptNumber: 1,
    job: {
      jobId: ref.jobId,
      userId: 'bench',
      username: 'bench',
      channelName: 'Bench',
      enable4k: false,
      queue: 'default_queue',
      priority: 'normal',
      submittedAtMs: ref.fence.term,
      logDate: '2026-01-01',
      timeZone: 'UTC',
      rateProfile: 'studio',
      items: [{ position: 0, itemType: 'video', path: '\\\\farm\\Clips\\nothing.mp4' }],
    },
    resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: ref.fence.term },
    output: {
      folder: '\\\\farm\\Results',
      stagingFolder: `\\\\farm\\Results\\.renderfarm\\${ref.jobId}-1790000000000.100000`,
      finalName,
    },
    limits: { softRunMs: 1, hardRunMs: 1, stallMs: 1, startStallMs: 1 },
  }),
  grant: answer(firstByte.grant, { kind: 'publish-grant', ref, finalName }),
  ack: answer(firstByte.ack, { kind: 'event-ack', number: 100_000 }),
} as const;

/** As long as the real request. */
export const floorSubmit = Buffer.alloc(130);

type JournalEvent = Extract<AgentMessage, { kind: 'event' }>;

function event(mark: number, what: JournalEvent['event']): Buffer {
  return said(mark, { kind: 'event', number: 100_000, ref, atMs: ref.fence.term, event: what });
}

function said(mark: number, message: AgentMessage): Buffer {
  return marked(mark, Buffer.from(encodeAgentMessage(message)));
}

function answer(mark: number, message: ControllerMessage): Buffer {
  return marked(mark, Buffer.from(encodeControllerMessage(message)));
}

function marked(mark: number, bytes: Buffer): Buffer {
  bytes[0] = mark;
  return bytes;
}
