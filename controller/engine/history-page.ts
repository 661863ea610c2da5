import { FarmError } from '../domain/errors.ts';
import type { HistoryPlace } from '../history/port.ts';
import type { JobView, Page, PageRequest } from './farm.ts';
import { placeOf } from './turn/past-jobs.ts';

/** A page of history: its token is the place of the last job that was listed. */
export async function historyPage(
  { size, token }: PageRequest,
  list: (size: number, after?: HistoryPlace) => Promise<readonly JobView[]>,
): Promise<Page<JobView>> {
  const after = token === '' ? undefined : placeFrom(token);
  const listed = await list(size + 1, after);
  const entries = listed.slice(0, size);
  const last = entries.at(-1);
  const nextToken = listed.length > size && last !== undefined ? tokenOf(placeOf(last.job)) : '';
  return { entries, nextToken };
}

function tokenOf({ endedAtMs, jobId }: HistoryPlace): string {
  return Buffer.from(`${endedAtMs} ${jobId}`).toString('base64url');
}

/** @throws FarmError INVALID_REQUEST */
function placeFrom(token: string): HistoryPlace {
  const [, endedAtMs, jobId] = tokenShape.exec(Buffer.from(token, 'base64url').toString('latin1')) ?? [];
  if (endedAtMs !== undefined && jobId !== undefined) return { endedAtMs: Number(endedAtMs), jobId };
  const violation = { field: 'page_token', description: 'is not a token of this list' };
  throw new FarmError('INVALID_REQUEST', `page_token: ${violation.description}`, { violations: [violation] });
}

const tokenShape = /^(\d{1,15}) ([0-9a-f-]{36})$/u;
