import { type Leadership, type LeadOptions, type Store, StoreUnavailable } from '../store/port.ts';
import { pause } from './committer.ts';
import type { Clock, EngineLog } from './ports.ts';

export interface ObtainOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly settings: { readonly times: { readonly commitRetryMs: number } };
}

/**
 * Leads, as soon as the store can be reached and nobody else does.
 * @param wish - asked again for every try: the term depends on the clock
 * @throws StoreIncompatible; the signal's reason
 */
export async function obtainLeadership(
  { store, clock, log, settings }: ObtainOptions,
  wish: () => LeadOptions,
): Promise<Leadership> {
  let told = false;
  for (;;) {
    const options = wish();
    try {
      return await store.lead(options);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      options.signal.throwIfAborted();
      if (!told) log.error({ err: error }, 'the store cannot be reached: trying on');
      told = true;
      await pause(clock, settings.times.commitRetryMs, options.signal);
    }
  }
}
