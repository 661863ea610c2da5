import { FarmError } from '../domain/errors.ts';

/** We lead no longer: what is not durable by now must have no effect. */
export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

/** The end that was asked for came before the store took what was under way. */
export class WriterStopped extends Error {
  override readonly name = 'WriterStopped';
}

const retryAfterMs = 1_000;

/** What callers are told by a controller that does not lead; `leader` in ErrorInfo is where they should go. */
export function notLeading(leaderAddresses: readonly string[], cause?: unknown): FarmError {
  const [leader] = leaderAddresses;
  const where = leader === undefined ? '' : `; the leader is at ${leader}`;
  return new FarmError('NOT_LEADING', `this controller does not lead the farm${where}`, {
    retryAfterMs,
    ...(leader !== undefined && { info: { leader } }),
    cause,
  });
}

export function stopping(): FarmError {
  return new FarmError('SHUTTING_DOWN', 'the controller is stopping', { retryAfterMs });
}

/** What whoever reads is told of the end of a reign. */
export function toCaller(error: unknown): Error {
  if (error instanceof LeadershipLost) return notLeading([], error);
  if (error instanceof WriterStopped) return stopping();
  return error instanceof Error ? error : new Error(String(error));
}
