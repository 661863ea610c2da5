import type { StreamScan } from '../render/facts.ts';
import type { ProbedStream } from './ffprobe-output.ts';

/** Reads ffprobe's packets, line by line, and keeps only the ends: a clip of hours has millions of them. */
export interface PacketScan {
  /** What `-show_entries` must ask for. */
  readonly entries: string;
  readonly line: (line: string) => void;
  result(): ReadonlyMap<number, StreamScan>;
}

/** Pictures are stored in the order in which they are decoded: a gap of 16 frames can be that alone. */
const reorderSecondsMax = 0.7;

export function createPacketScan(streams: readonly ProbedStream[]): PacketScan {
  const scans = new Map<
    number,
    { packets: number; firstSeconds: number; endSeconds: number; gapSeconds?: number }
  >();
  // Some containers give a packet no duration: then it lasts one frame.
  const frameSeconds = new Map(
    streams.map((stream) => [stream.index, 1 / (stream.avg_frame_rate ?? Infinity)]),
  );
  return {
    entries: 'packet=stream_index,pts_time,dts_time,duration_time,flags',
    line(line) {
      const [index = '', pts = '', dts = '', duration = '', flags = ''] = line.split(',');
      const stream = Number(index);
      const start = Number.isFinite(Number(pts)) && pts !== '' ? Number(pts) : Number(dts);
      // Packets that are read only so that others can be decoded are never shown (an edit list, a priming).
      if (flags.includes('D') || index === '' || !Number.isFinite(start)) return;
      const lasts = Number(duration) > 0 ? Number(duration) : (frameSeconds.get(stream) ?? 0);
      const scan = scans.get(stream);
      if (scan === undefined) {
        scans.set(stream, { packets: 1, firstSeconds: start, endSeconds: start + lasts });
        return;
      }
      scan.packets += 1;
      const gap = start - scan.endSeconds;
      if (gap > reorderSecondsMax) scan.gapSeconds = Math.max(scan.gapSeconds ?? 0, gap);
      scan.firstSeconds = Math.min(scan.firstSeconds, start);
      scan.endSeconds = Math.max(scan.endSeconds, start + lasts);
    },
    result: () => scans,
  };
}
