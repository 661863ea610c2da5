import type { AttemptRecord } from '../domain/attempt.ts';
import { FarmError } from '../domain/errors.ts';
import type { Page, PageRequest } from '../engine/farm.ts';
import type { PastJobDetail } from './port.ts';

/** Oldest first; the token is the number of the last attempt that was listed, as in the hot store. */
export function attemptsFrom({ attempts }: PastJobDetail, { size, token }: PageRequest): Page<AttemptRecord> {
  if (!/^\d{0,9}$/u.test(token)) {
    const violation = { field: 'page_token', description: 'is not a token of this list' };
    throw new FarmError('INVALID_REQUEST', `page_token: ${violation.description}`, {
      violations: [violation],
    });
  }
  const rest = attempts.filter(({ number }) => number > Number(token));
  const entries = rest.slice(0, size);
  return { entries, nextToken: rest.length > entries.length ? String(entries.at(-1)?.number ?? '') : '' };
}
