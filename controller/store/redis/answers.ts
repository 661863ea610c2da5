import type { Epoch } from '../port.ts';

/** An epoch as scripts answer with it: two texts. */
export function epochFrom(term: unknown, leaderId: unknown): Epoch {
  return { term: Number(term), leaderId: String(leaderId) };
}

/** A script has answered something that none of them does: scripts and code do not belong together. */
export function unexpected(script: string, answer: readonly unknown[]): Error {
  return new Error(`The script ${script} has answered ${JSON.stringify(answer).slice(0, 200)}`);
}
