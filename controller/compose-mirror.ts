import type { ControllerConfig } from './config.ts';
import { cancellationLoop } from './directory/supabase-cancellations.ts';
import { supabaseHistory } from './directory/supabase-history.ts';
import { supabaseMirror } from './directory/supabase-mirror.ts';
import type { Farm } from './engine/farm.ts';
import type { Clock } from './engine/ports.ts';
import type { History } from './history/port.ts';
import type { Destination } from './outbox/destination.ts';
import type { RpcLogger } from './rpc/context.ts';

/** What jobs are to the studio's tables; all empty where the settings ask for no mirror. */
export interface StudioMirror {
  readonly destinations: readonly Destination[];
  /** Absent: history is kept elsewhere. */
  readonly history?: History;
  /** Begins to see rows that somebody else has cancelled, while this controller leads. */
  watch(farm: Pick<Farm, 'orderJob' | 'onServing' | 'serving'>, clock: Clock): void;
  /** Ends that. Idempotent. */
  stop(): Promise<void>;
}

/** A farm that is a shadow writes nowhere: none of it is built. */
export function composeMirror(
  { farm, supabase }: ControllerConfig,
  isInSourceShare: (uncPath: string) => boolean,
  log: RpcLogger,
): StudioMirror {
  const mirror = farm.shadow === true ? undefined : supabase?.mirror;
  if (supabase === undefined || mirror === undefined) return none;
  const access = { url: supabase.url, key: supabase.key, requestMs: mirror.requestMs };
  const { farmName } = farm;
  let stop = (): Promise<void> => Promise.resolve();
  return {
    destinations: [supabaseMirror({ ...access, farmName })],
    ...(mirror.history === 'supabase' && { history: supabaseHistory({ ...access, isInSourceShare }) }),
    watch: (leading, clock) => {
      const everyMs = mirror.cancelledEveryMs;
      const loop = cancellationLoop({
        ...{ ...access, farmName, everyMs, farm: leading, clock, log },
        random: Math.random,
      });
      stop = () => loop.stop();
    },
    stop: () => stop(),
  };
}

const none: StudioMirror = { destinations: [], watch: () => undefined, stop: () => Promise.resolve() };
