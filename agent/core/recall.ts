import type { Recall } from '../../proto/agent-link.ts';
import { heldAttempt } from './hello.ts';
import type { Turn } from './turn.ts';
import { held, send } from './turn.ts';

/** The store has lost a job: what we hold of it is enough to make it again (protocol.md rule 4). */
export function recalled(turn: Turn, { ref }: Recall): void {
  const attempt = held(turn, ref);
  send(turn, {
    kind: 'recalled',
    ref,
    ...(attempt === undefined
      ? {}
      : { assign: attempt.kept.assign, held: heldAttempt(turn.state, attempt.live) }),
  });
}
