import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { isPrintableName } from '../domain/text-rules.ts';
import type { Directory } from './directory.ts';

export interface SupabaseDirectoryOptions {
  /** Of the project, e.g. `https://xyz.supabase.co`. */
  readonly url: string;
  /** The service role's key: row level security does not hold for it. */
  readonly key: string;
  /** Nobody's job waits longer than this for a name: ms. */
  readonly timeoutMs: number;
  /** A name is asked for again after this: ms. */
  readonly cacheMs: number;
  /** Hears why a name could not be had. */
  readonly onTrouble: (error: Error) => void;
}

const namesMax = 10_000;
const unknown = 'unknown';
const rowSchema = z.object({ username: z.string().nullable() });

/** What PostgreSQL says where an id is no UUID and the column has only those: nobody has that id. */
const notOfTheType = '22P02';

/**
 * Names from `profiles.username` by `id = user_id`. A user without a row or a usable name is `unknown`, and so is
 * everybody whose name was never heard while Supabase is away: a job is not kept back for it.
 */
export function supabaseDirectory(options: SupabaseDirectoryOptions): Directory {
  const { url, key, timeoutMs, cacheMs, onTrouble } = options;
  const client = createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
  const names = new LRUCache<string, string>({
    max: namesMax,
    ttl: cacheMs,
    // A name that was right an hour ago is better than none.
    allowStaleOnFetchRejection: true,
    noDeleteOnFetchRejection: true,
    fetchMethod: (userId) =>
      usernameOf(client, userId, timeoutMs).catch((error: unknown) => {
        onTrouble(error instanceof Error ? error : new Error(String(error)));
        throw error;
      }),
  });
  return {
    username: async (userId, signal) => {
      signal.throwIfAborted();
      const name = (await names.fetch(userId).catch(() => undefined)) ?? unknown;
      // A profile can be there a moment later.
      if (name === unknown) names.delete(userId);
      signal.throwIfAborted();
      return name;
    },
  };
}

async function usernameOf(client: SupabaseClient, userId: string, timeoutMs: number): Promise<string> {
  const found = await client
    .from('profiles')
    .select('username')
    .eq('id', userId)
    .limit(1)
    .abortSignal(AbortSignal.timeout(timeoutMs));
  if (found.error?.code === notOfTheType) return unknown;
  if (found.error !== null) throw new Error(`Supabase has no answer: ${found.error.message.slice(0, 300)}`);
  const [row] = found.data.map((each: unknown) => rowSchema.parse(each));
  return usable(row?.username) ?? unknown;
}

function usable(name: string | null | undefined): string | undefined {
  const trimmed = name?.trim() ?? '';
  return isPrintableName(trimmed) ? trimmed : undefined;
}
