import type { HeldState } from '../../proto/agent-link.ts';

/**
 * Where an attempt may go from where it is: the life of an attempt as its agent sees it (protocol.md, "Hello" and
 * rule 8). Every state may end in `finished`, because a failure, a stop and a loss can come at any time.
 */
export const attemptTransitions: Readonly<Record<HeldState, readonly HeldState[]>> = {
  preparing: ['running', 'finished'],
  running: ['finishing', 'finished'],
  finishing: ['ready', 'finished'],
  ready: ['publishing', 'finished'],
  publishing: ['finished'],
  finished: [],
};

/** Whether the table allows the move. */
export function canMove(from: HeldState, to: HeldState): boolean {
  return attemptTransitions[from].includes(to);
}

/** A slot covers fetching to the last encoded frame; joining, verifying and uploading hold none. */
export function holdsSlot(state: HeldState): boolean {
  return state === 'preparing' || state === 'running';
}

/** Whether the shell is at work for the attempt: its process tree, or its files, may be in use. */
export function isAtWork(state: HeldState): boolean {
  return state === 'preparing' || state === 'running' || state === 'finishing';
}
