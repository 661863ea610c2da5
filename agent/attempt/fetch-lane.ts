import type { Pace, PacedCopy, Speed } from '../media/pace.ts';
import { createListeners, mayGo } from '../media/pace.ts';

/**
 * Who may use the shares' bandwidth and this PC's disk: what is fetched ahead makes way for the assigned jobs. While one
 * of them fetches, copies of hints stand still; while FFmpeg reads, they go one file at a time.
 */
export interface FetchLane {
  /** An assigned job fetches from now on; returns how it says that it is done. */
  enter(): () => void;
  /** FFmpeg reads and writes from now on; returns how it says that it is done. */
  render(): () => void;
  isRendering(): boolean;
  /** Resolves when no assigned job fetches; rejects with the signal's reason. */
  idle(signal: AbortSignal): Promise<void>;
  /** One more file is to be fetched ahead. The lowest rank goes first, within it who came first. */
  ahead(rank: number): PacedCopy;
}

export interface FetchLaneOptions {
  /** Files that are fetched ahead at a time, while nothing else is done here. @default 5 */
  readonly copies?: number;
}

/**
 * One file, so that the disk that FFmpeg works on is written in one place. Two reads of it in flight (share-protocol.ts):
 * behind a line of 110 MB/s one in flight brought 76 MB/s, two as much as three, 102. A slower hint would hide less of
 * the copying than the render leaves time for.
 */
const copiesWhileRendering = 1;

export function createFetchLane({ copies = 5 }: FetchLaneOptions = {}): FetchLane {
  const listeners = createListeners();
  const waiting: { readonly rank: number }[] = [];
  let fetching = 0;
  let rendering = 0;

  const speedOf = (copy: { readonly rank: number }): Speed => {
    const place = waiting.indexOf(copy);
    if (fetching > 0 || place < 0) return 'paused';
    if (rendering > 0) return place < copiesWhileRendering ? 'slow' : 'paused';
    return place < copies ? 'full' : 'paused';
  };
  const whileJobsFetch: Pace = {
    now: () => (fetching > 0 ? 'paused' : 'full'),
    onChange: (listener) => listeners.add(listener),
  };
  const count = (change: (by: number) => void) => (): (() => void) => {
    change(1);
    listeners.tell();
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      change(-1);
      listeners.tell();
    };
  };

  return {
    enter: count((by) => (fetching += by)),
    render: count((by) => (rendering += by)),
    isRendering: () => rendering > 0,
    idle: (signal) => mayGo(whileJobsFetch, signal),
    ahead(rank) {
      const copy = { rank };
      const behind = waiting.findIndex((other) => other.rank > rank);
      waiting.splice(behind < 0 ? waiting.length : behind, 0, copy);
      const pace: Pace = { now: () => speedOf(copy), onChange: (listener) => listeners.add(listener) };
      // One that goes first may take another's place.
      listeners.tell();
      return {
        pace,
        end() {
          const place = waiting.indexOf(copy);
          if (place < 0) return;
          waiting.splice(place, 1);
          listeners.tell();
        },
      };
    },
  };
}
