/**
 * Which item is rendered next. Pure: it sees where each item stands and nothing else.
 *
 *     expected -> ready -> rendering -> done
 *                   |  ^
 *                   v  |
 *                  given            another agent renders it
 */

/**
 * Where an item stands on its way to a segment: its files are still to come; it is planned to the frame; a place here
 * works on it; another agent does; its segment lies in the work folder.
 */
export type SegmentStage = 'expected' | 'ready' | 'rendering' | 'given' | 'done';

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
  const running = stages.filter((stage) => stage === 'rendering').length;
  return running < concurrency ? found(stages.indexOf('ready')) : undefined;
}

/** Index of the item that another agent may have: the one that would be rendered here last. */
export function nextToGive({ stages, isStopped }: Omit<OrderView, 'concurrency'>): number | undefined {
  return isStopped ? undefined : found(stages.lastIndexOf('ready'));
}

function found(index: number): number | undefined {
  return index < 0 ? undefined : index;
}
