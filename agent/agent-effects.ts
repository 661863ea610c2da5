import type { AgentMessage } from '../proto/index.ts';
import type { AgentLogger } from './agent-logger.ts';
import type { AgentRooms } from './agent-rooms.ts';
import { finishPublish, publish } from './attempt/publish.ts';
import type { Effect } from './core/effects.ts';
import type { Input } from './core/inputs.ts';

/** What the effects act on. */
export interface AgentParts {
  readonly rooms: AgentRooms;
  readonly logger: AgentLogger;
  send(linkId: number, message: AgentMessage): void;
  reopen(linkId: number, reason: string, afterMs: number, address?: string): void;
  exit(): void;
  input(input: Input): void;
}

/** Does what the core has decided. Never throws; what takes time reports back as an input. */
export function performEffect(effect: Effect, parts: AgentParts): void {
  const { rooms, logger } = parts;
  const input = (report: Input): void => parts.input(report);
  switch (effect.type) {
    case 'send':
      parts.send(effect.linkId, effect.message);
      return;
    case 'heartbeat':
      parts.send(effect.linkId, {
        kind: 'heartbeat',
        sequence: effect.sequence,
        ...rooms.vitals(),
        ...(effect.probeId === undefined ? {} : { probeId: effect.probeId }),
      });
      return;
    case 'reopen':
      logger.warn({ reason: effect.reason }, 'leaving this stream');
      parts.reopen(effect.linkId, effect.reason, effect.afterMs, effect.address);
      return;
    case 'start-attempt':
      rooms.attempts.start(effect.assign);
      return;
    case 'stop-attempt':
      rooms.attempts.stop(effect.ref, effect);
      return;
    case 'publish':
      void publish(rooms.share, effect).then((result) =>
        input({ type: 'publish-result', ref: effect.ref, result }),
      );
      return;
    case 'finish-publish':
      void finishPublish(rooms.share, effect.request).then((result) =>
        input({ type: 'finish-publish-result', ref: effect.request.ref, result }),
      );
      return;
    case 'discard':
      void rooms.discard(effect.stagingFolder);
      return;
    case 'clean-up':
      void rooms.attempts.cleanUp(effect.assign, effect.finished).then(() => rooms.logUpload.nudge());
      return;
    case 'start-prefetch':
      rooms.prefetches.start(effect.announce);
      return;
    case 'stop-prefetch':
      rooms.prefetches.stop(effect.announcementId, effect.why);
      return;
    case 'alarm':
      logger.error({ code: effect.code }, effect.message);
      return;
    case 'exit':
      parts.exit();
      return;
  }
}
