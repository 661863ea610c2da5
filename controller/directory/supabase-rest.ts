import { createClient, PostgrestError, type SupabaseClient } from '@supabase/supabase-js';
import { DestinationAway } from '../outbox/destination.ts';
import { cappedFetch } from './capped-fetch.ts';

export interface SupabaseAccess {
  /** Of the project, e.g. `https://xyz.supabase.co`. */
  readonly url: string;
  /** The service role's key: row level security does not hold for it. */
  readonly key: string;
  /** One request takes at most this: ms. */
  readonly requestMs: number;
}

/** Characters of what Supabase says that we repeat. */
const messageCharactersMax = 300;

/** PostgREST says no to the statement itself: whoever sends it again hears the same. */
export class RowRefused extends Error {
  override readonly name = 'RowRefused';
  /** PostgreSQL's SQLSTATE, or PostgREST's code. */
  readonly sqlState: string;
  constructor(sqlState: string, message: string, cause: unknown) {
    super(message, { cause });
    this.sqlState = sqlState;
  }
}

/** A client whose requests end in rows, RowRefused, or DestinationAway. */
export function connect({ url, key }: SupabaseAccess): SupabaseClient {
  const client: unknown = createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    global: { fetch: answeringFetch },
    // Who asks decides when to ask again.
    db: { retry: false },
  });
  return client as SupabaseClient;
}

interface Reply<T> {
  readonly data: T;
  /** Of all rows that are meant; absent where the query does not ask for it. */
  readonly count?: number | null;
}

interface Query<T> {
  abortSignal(signal: AbortSignal): { throwOnError(): PromiseLike<Reply<T>> };
}

/** @throws RowRefused, DestinationAway; the signal's reason where it was aborted */
export async function ask<T>(query: Query<T>, access: SupabaseAccess, signal: AbortSignal): Promise<T> {
  return (await askCounted(query, access, signal)).data;
}

/** The same, with how many rows there are. */
export async function askCounted<T>(
  query: Query<T>,
  { requestMs }: SupabaseAccess,
  signal: AbortSignal,
): Promise<Reply<T>> {
  const late = AbortSignal.timeout(requestMs);
  try {
    return await query.abortSignal(AbortSignal.any([signal, late])).throwOnError();
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted) throw new DestinationAway(`Supabase has not answered for ${requestMs} ms`);
    throw told(error);
  }
}

/** What PostgreSQL says where an id is no UUID and the column has only those: there is no such row. */
export function isNoId(error: unknown): boolean {
  return error instanceof RowRefused && error.sqlState === '22P02';
}

const migrationsHint = 'have the migrations of deploy/supabase been run?';

/** Classes of SQLSTATE that are about the server's day, not about what was sent. */
const passing = /^(08|25|40|53|54000|55|57|58|XX|PGRST00|PGRST3)/u;
/** Tables, columns and indexes that are not there, for whichever row. */
const missing = /^(42703|42P01|42P10|PGRST204|PGRST205|PGRST106)$/u;

function told(error: unknown): Error {
  if (error instanceof DestinationAway || error instanceof RowRefused) return error;
  if (!(error instanceof PostgrestError)) {
    // `fetch failed` says nothing; its cause does.
    const why = [
      messageOf(error),
      ...(error instanceof Error && error.cause ? [messageOf(error.cause)] : []),
    ].join(': ');
    return new DestinationAway(`Supabase cannot be reached: ${shortened(why)}`, { cause: error });
  }
  const { code, message } = error;
  // What has none, whatever its type says, is not PostgREST's: a page of a proxy, say.
  if (!code)
    return new DestinationAway(`Supabase's answer makes no sense: ${shortened(message)}`, { cause: error });
  if (passing.test(code))
    return new DestinationAway(`Supabase refuses for now: ${shortened(message)} (${code})`, { cause: error });
  if (missing.test(code))
    return new DestinationAway(
      `Supabase lacks something: ${shortened(message)} (${code}); ${migrationsHint}`,
      {
        cause: error,
      },
    );
  return new RowRefused(code, `Supabase refuses it: ${shortened(message)} (${code})`, error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Said by gateways, and of the one request. */
const tooLarge: ReadonlySet<number> = new Set([413, 414, 431]);

/** What an answer's status says of the server, and not of the statement, never comes through here. */
const answeringFetch: typeof fetch = async (input, init) => {
  const response = await cappedFetch(input, init);
  const { status } = response;
  if (status < 500 && ![401, 403, 404, 408, 429, ...tooLarge].includes(status)) return response;
  const body = shortened(await response.text());
  if (tooLarge.has(status))
    throw new RowRefused(`HTTP ${status}`, `Supabase takes no request of this size (HTTP ${status})`, body);
  const retryAfterMs = waitOf(response.headers.get('retry-after'));
  throw new DestinationAway(`${meaning(status)}: ${body}`, {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
};

function meaning(status: number): string {
  if (status === 401 || status === 403)
    return `Supabase does not accept the key (HTTP ${status}); it must be that of the service role`;
  if (status === 404) return `Supabase has no such table or address (HTTP 404); ${migrationsHint}`;
  return `Supabase answers with HTTP ${status}`;
}

/** Nobody is believed who wants to be left alone for longer. */
const waitMsMax = 3_600_000;

/** `Retry-After`: seconds, or a date. */
function waitOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/u.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(waitMsMax, Math.max(0, ms)) : undefined;
}

/** On one line, as it stands in messages and logs. */
function shortened(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, messageCharactersMax);
}
