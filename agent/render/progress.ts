/** What FFmpeg's `-progress` has told so far. */
export interface FfmpegProgress {
  /** Encoded frames. */
  readonly frame: number;
  /** Length of what is written, in seconds of the output. */
  readonly outSeconds: number;
  readonly totalBytes: number;
}

export const noProgress: FfmpegProgress = { frame: 0, outSeconds: 0, totalBytes: 0 };

/**
 * Reads one `key=value` line. `out_time_ms` is in microseconds in spite of its name, so `out_time_us` is read; values can
 * be `N/A`, and what is no number changes nothing.
 */
export function readProgressLine(before: FfmpegProgress, line: string): FfmpegProgress {
  const at = line.indexOf('=');
  const text = line.slice(at + 1).trim();
  if (at < 0 || !/^\d+$/u.test(text)) return before;
  const value = Number(text);
  switch (line.slice(0, at)) {
    case 'frame':
      return { ...before, frame: value };
    case 'out_time_us':
      return { ...before, outSeconds: value / 1_000_000 };
    case 'total_size':
      return { ...before, totalBytes: value };
    default:
      return before;
  }
}

/** Whether FFmpeg got on: a frame, a byte or a moment more. */
export function hasAdvanced(before: FfmpegProgress, after: FfmpegProgress): boolean {
  return (
    after.frame > before.frame || after.totalBytes > before.totalBytes || after.outSeconds > before.outSeconds
  );
}
