import { type Leadership, type LeadOptions, type Store, StoreUnavailable } from '../store/port.ts';
import { pause } from './committer.ts';
import type { Clock, EngineLog } from './ports.ts';

export interface ObtainOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly settings: { readonly times: { readonly commitRetryMs: number } };
}

/** A standby may wait for weeks: what it asks for is made anew this often. */
const wishMs = 60_000;
/** Causes that are told while we wait: one whose text is never the same does not fill the log. */
const toldMax = 20;

/**
 * Leads, as soon as the store can be reached and nobody else does.
 * @param wish - asked again for every try: the term depends on the clock
 * @throws StoreIncompatible; the signal's reason
 */
export async function obtainLeadership(
  { store, clock, log, settings }: ObtainOptions,
  wish: () => LeadOptions,
): Promise<Leadership> {
  const told = new Set<string>();
  for (;;) {
    const options = wish();
    const renewed = new AbortController();
    const cancel = clock.after(wishMs, () => renewed.abort(new Error('the wish to lead is made anew')));
    try {
      return await store.lead({ ...options, signal: AbortSignal.any([options.signal, renewed.signal]) });
    } catch (error) {
      options.signal.throwIfAborted();
      if (error === renewed.signal.reason) continue;
      if (!(error instanceof StoreUnavailable)) throw error;
      // Each cause once: a Redis that is back and now refuses our password is another trouble than one that is away.
      if (!told.has(error.message) && told.size < toldMax) {
        log.error({ err: error }, 'the store cannot be reached: trying on');
      }
      told.add(error.message);
      await pause(clock, settings.times.commitRetryMs, options.signal);
    } finally {
      cancel();
    }
  }
}
