/**
 * Which item is rendered next. Pure: it sees where each item stands and nothing else.
 *
 *     expected -> ready -> rendering -> done
 *                   |  ^
 *                   v  |
 *                  given -> delivered -> rendering
 */

/**
 * Where an item stands on its way to a segment: its files are still to come; it is planned to the frame; a place here
 * works on it; another agent does; that one's segment is in this PC's cache; its segment lies in the work folder.
 */
export type SegmentStage = 'expected' | 'ready' | 'rendering' | 'given' | 'delivered' | 'done';

export interface OrderView {
  /** In the order in which the items are shown. */
  readonly stages: readonly SegmentStage[];
  /** Segments that may be worked on here at a time: at least 1. */
  readonly concurrency: number;
  /** Nothing new begins: an item is bad, or a render failed. */
  readonly isStopped: boolean;
}

/**
 * Index of the item to render next; undefined when nothing can begin now. In the order in which they are shown: that is
 * the order in which files come, and the one in which the sound is encoded beside the pictures.
 */
export function nextToRender({ stages, concurrency, isStopped }: OrderView): number | undefined {
  if (isStopped) return undefined;
  // It takes a link, and no place.
  const delivered = found(stages.indexOf('delivered'));
  if (delivered !== undefined) return delivered;
  return freePlaces({ stages, concurrency }) > 0 ? found(stages.indexOf('ready')) : undefined;
}

/** Places here that work on no segment. */
export function freePlaces({ stages, concurrency }: Omit<OrderView, 'isStopped'>): number {
  return Math.max(0, concurrency - stages.filter((stage) => stage === 'rendering').length);
}

/**
 * Indexes of the items that another agent may have, none that a free place is about to begin. In the order in which they
 * are shown as well: the sound waits for the earliest picture that is missing, and what it has not encoded when the last
 * picture comes is encoded alone.
 */
export function mayBeGiven({ stages, concurrency, isStopped }: OrderView): readonly number[] {
  if (isStopped) return [];
  const ready = stages.flatMap((stage, index) => (stage === 'ready' ? index : []));
  return ready.slice(freePlaces({ stages, concurrency }));
}

function found(index: number): number | undefined {
  return index < 0 ? undefined : index;
}
