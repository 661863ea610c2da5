import type { FileSeen, LookAtFiles } from '../../proto/file-link.ts';
import type { Turn } from './turn.ts';
import { send } from './turn.ts';

/** Looks at a time: a controller that asks within its own limit never comes near it. */
const looksMax = 8;

/** Looks at files for somebody who asks before submitting. The shell sees to it that they are in nobody's way. */
export function filesAsked(turn: Turn, ask: LookAtFiles): void {
  const { looks, shutdown } = turn.state;
  if (looks.has(ask.lookId)) return;
  const refusal =
    (shutdown === undefined ? undefined : 'the agent is shutting down') ??
    (looks.size < looksMax ? undefined : `the agent has ${looksMax} looks under way`);
  if (refusal !== undefined) {
    answer(turn, ask.lookId, notLooked(ask, refusal));
    return;
  }
  turn.state = { ...turn.state, looks: new Map(looks).set(ask.lookId, ask) };
  turn.effects.push({ type: 'look-at-files', ask });
}

/** An answer to a stream that is over goes nowhere: nobody waits for it any more. */
export function filesLookedAt(turn: Turn, lookId: string, files: readonly FileSeen[]): void {
  if (!turn.state.looks.has(lookId)) return;
  const looks = new Map(turn.state.looks);
  looks.delete(lookId);
  turn.state = { ...turn.state, looks };
  answer(turn, lookId, files);
}

/** The stream that they came on is over. What the shell still looks at ends by its own limit. */
export function forgetLooks(turn: Turn): void {
  turn.state = { ...turn.state, looks: new Map() };
}

function notLooked({ paths }: LookAtFiles, message: string): readonly FileSeen[] {
  return paths.map(() => ({ state: 'not-looked', message }));
}

function answer(turn: Turn, lookId: string, files: readonly FileSeen[]): void {
  send(turn, { kind: 'files-seen', lookId, files });
}
