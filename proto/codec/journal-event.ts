import type { AttemptEvent, JournalEvent } from '../agent-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { fromFinished, toFinished } from './finished.ts';
import { count, required } from './read.ts';
import { fromTimestamp, toTimestamp } from './time.ts';
import { fromManifest, fromRef, toManifest, toRef } from './work.ts';

type WireEvent = NonNullable<agent.JournalEvent['event']>;
type EventOf<Type extends AttemptEvent['type']> = Extract<AttemptEvent, { type: Type }>;

const int32Max = 2 ** 31 - 1;

export function toJournalEvent(event: JournalEvent): CompleteWire<agent.JournalEvent> {
  return {
    number: event.number,
    ref: toRef(event.ref),
    at: toTimestamp(event.atMs),
    event: toEvent(event.event),
  };
}

export function fromJournalEvent(wire: agent.JournalEvent): JournalEvent {
  return compact<JournalEvent>({
    kind: 'event',
    number: count(wire.number, 'event.number', 1),
    ref: fromRef(wire.ref, 'event.ref'),
    atMs: fromTimestamp(wire.at, 'event.at'),
    event: fromEvent(required(wire.event, 'event.event')),
  });
}

function toEvent(event: AttemptEvent): WireEvent {
  switch (event.type) {
    case 'started': {
      const { copiedBytes, reusedBytes, totalFrames } = event;
      return { $case: 'started', value: { copiedBytes, reusedBytes, totalFrames } };
    }
    case 'segment-done': {
      const { position, reused, frames } = event;
      return { $case: 'segmentDone', value: { position, reused, frames } };
    }
    case 'encoded':
      return { $case: 'encoded', value: {} };
    case 'ready':
      return { $case: 'ready', value: { manifest: toManifest(event.manifest) } };
    case 'finished':
      return { $case: 'finished', value: toFinished(event.finished) };
  }
}

function fromEvent(event: WireEvent): AttemptEvent {
  switch (event.$case) {
    case 'started':
      return compact<EventOf<'started'>>({
        type: 'started',
        copiedBytes: count(event.value.copiedBytes, 'event.started.copied_bytes'),
        reusedBytes: count(event.value.reusedBytes, 'event.started.reused_bytes'),
        totalFrames: count(event.value.totalFrames, 'event.started.total_frames'),
      });
    case 'segmentDone':
      return compact<EventOf<'segment-done'>>({
        type: 'segment-done',
        position: count(event.value.position, 'event.segment_done.position', 0, int32Max),
        reused: event.value.reused,
        frames: count(event.value.frames, 'event.segment_done.frames'),
      });
    case 'encoded':
      return { type: 'encoded' };
    case 'ready':
      return { type: 'ready', manifest: fromManifest(event.value.manifest, 'event.ready.manifest') };
    case 'finished':
      return { type: 'finished', finished: fromFinished(event.value, 'event.finished') };
  }
}
