import type { DestinationName } from '../domain/outbox.ts';
import type { Outlets } from './attachments.ts';
import type { EngineLog } from './ports.ts';
import type { Replies } from './replies.ts';
import type { Effect } from './turn/inputs.ts';
import type { Watches } from './watches.ts';

/** Carries out a committed turn's effects, in order. */
export function performer(to: {
  readonly outlets: Outlets;
  readonly replies: Replies;
  readonly watches: Watches;
  readonly log: EngineLog;
  /** Rows of these were marked. */
  readonly wake: (destinations: Iterable<DestinationName>) => void;
  readonly lookUp: (question: Extract<Effect, { kind: 'look-up' }>) => void;
}): (effects: readonly Effect[]) => void {
  return (effects) => {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'reply':
          to.replies.settle(effect.replyId, effect.reply);
          break;
        case 'send':
          to.outlets.get(effect.sessionId)?.send(effect.message);
          break;
        case 'end-session':
          to.outlets.end(effect.sessionId, effect.goodbye);
          break;
        case 'job-changed':
          to.watches.publish(effect.jobId, effect.news);
          break;
        case 'look-up':
          to.lookUp(effect);
          break;
        case 'owed':
          to.wake(effect.destinations);
          break;
        case 'log':
          to.log[effect.level](effect.fields, effect.event);
          break;
      }
    }
  };
}
