/** A segment that was measured and found right. */
export interface CheckedSegment {
  readonly frames: number;
  readonly samples: number;
  /** Segments of one class can be joined without encoding: same codec parameters, extradata included. */
  readonly joinClass: string;
  /** The source's pictures have flaws: what the decoder said first, and how often. Such a segment is made anew each time. */
  readonly damage?: string;
}
