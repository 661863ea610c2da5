import type { SupabaseClient } from '@supabase/supabase-js';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { isPrintableName } from '../domain/text-rules.ts';
import { DestinationAway } from '../outbox/destination.ts';
import { type Directory, unknownName } from './directory.ts';
import { ask, connect, isNoId } from './supabase-rest.ts';

export interface SupabaseDirectoryOptions {
  /** Of the project, e.g. `https://xyz.supabase.co`. */
  readonly url: string;
  /** The service role's key: row level security does not hold for it. */
  readonly key: string;
  /** Nobody's job waits longer than this for a name: ms. */
  readonly timeoutMs: number;
  /** A name is asked for again after this: ms. */
  readonly cacheMs: number;
  readonly nowMs: () => number;
  /** Hears why a name could not be had. */
  readonly onTrouble: (error: Error) => void;
}

const namesMax = 10_000;
const rowSchema = z.object({ username: z.string().nullable() });

/** While Supabase is away, it is asked this often; who comes in between waits for nothing. */
const awayMs = 5_000;

/**
 * Names from `profiles.username` by `id = user_id`. A user without a row or a usable name is `unknown`, and so is
 * everybody whose name was never heard while Supabase is away: a job is not kept back for it.
 */
export function supabaseDirectory(options: SupabaseDirectoryOptions): Directory {
  const profiles = new Profiles(options);
  const names = new LRUCache<string, string>({
    max: namesMax,
    ttl: options.cacheMs,
    // A name that was right an hour ago is better than none.
    allowStaleOnFetchRejection: true,
    noDeleteOnFetchRejection: true,
    fetchMethod: (userId) => profiles.usernameOf(userId),
  });
  return {
    username: async (userId, signal) => {
      signal.throwIfAborted();
      const name = (await names.fetch(userId).catch(() => undefined)) ?? unknownName;
      // A profile can be there a moment later.
      if (name === unknownName) names.delete(userId);
      signal.throwIfAborted();
      return name;
    },
  };
}

/** Remembers that Supabase was away: then one asks every `awayMs`, and the others hear at once that it is. */
class Profiles {
  readonly #options: SupabaseDirectoryOptions;
  readonly #client: SupabaseClient;
  #away: { readonly error: DestinationAway; readonly untilMs: number; tried: boolean } | undefined;

  constructor(options: SupabaseDirectoryOptions) {
    this.#options = options;
    this.#client = connect({ ...options, requestMs: options.timeoutMs });
  }

  /** @throws DestinationAway, and what Supabase does not like about the question */
  async usernameOf(userId: string): Promise<string> {
    const { nowMs, onTrouble } = this.#options;
    const away = this.#away;
    if (away !== undefined) {
      if (away.tried || nowMs() < away.untilMs) throw away.error;
      away.tried = true;
    }
    try {
      const name = await this.#ask(userId);
      this.#away = undefined;
      return name;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      // What is wrong with one user's id or row is no word about the others'.
      this.#away =
        error instanceof DestinationAway ? { error, untilMs: nowMs() + awayMs, tried: false } : undefined;
      onTrouble(error);
      throw error;
    }
  }

  async #ask(userId: string): Promise<string> {
    const { timeoutMs, url, key } = this.#options;
    // A connection that breaks once costs nobody the name.
    const query = this.#client.from('profiles').select('username').eq('id', userId).limit(1).retry(true);
    try {
      const rows = await ask(query, { url, key, requestMs: timeoutMs }, new AbortController().signal);
      return usable(z.array(rowSchema).parse(rows)[0]?.username) ?? unknownName;
    } catch (error) {
      if (isNoId(error)) return unknownName;
      throw error;
    }
  }
}

function usable(name: string | null | undefined): string | undefined {
  const trimmed = name?.trim() ?? '';
  return isPrintableName(trimmed) ? trimmed : undefined;
}
