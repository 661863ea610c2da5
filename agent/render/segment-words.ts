import { isDamageLine, isFatalLine } from './fatal-lines.ts';

/** What FFmpeg said about a segment that its exit code does not tell. */
export interface SegmentWords {
  /** Frames that the fps filter made; undefined for stills, and when FFmpeg did not say. */
  readonly framesFromSource: number | undefined;
  readonly fatalLine: string | undefined;
  readonly damageLines?: { readonly first: string; readonly count: number };
  /** The source is of another size or kind from some frame on, and FFmpeg began the graph anew: what was made is wrong. */
  readonly change?: FormatChange;
}

export interface FormatChange {
  readonly of: 'picture' | 'sound';
  /** In FFmpeg's words: `w:160 h:90 pixfmt:yuv420p`. */
  readonly from: string;
  readonly to: string;
}

/** Listens to the stderr of one segment's FFmpeg, line by line. */
export function listenToSegment(): { line(line: string): void; heard(): SegmentWords } {
  const inputs = new Map<string, string>();
  const changes: FormatChange[] = [];
  let framesFromSource: number | undefined;
  let fatalLine: string | undefined;
  let damageLines: SegmentWords['damageLines'];

  return {
    line(line) {
      framesFromSource = framesOfFpsFilter(line) ?? framesFromSource;
      if (isFatalLine(line)) fatalLine ??= line;
      if (isDamageLine(line))
        damageLines = { first: damageLines?.first ?? line, count: (damageLines?.count ?? 0) + 1 };
      const input = graphInput(line);
      if (input === undefined) return;
      const { name, of, format } = input;
      const from = inputs.get(name);
      inputs.set(name, format);
      if (from !== undefined) changes.push({ of, from, to: format });
    },
    heard() {
      // A new graph names all its inputs again: the one that differs is the cause. Tags of colours are in none.
      const change = changes.find(({ from, to }) => from !== to) ?? changes[0];
      return {
        ...{ framesFromSource, fatalLine },
        ...(damageLines === undefined ? {} : { damageLines }),
        ...(change === undefined ? {} : { change }),
      };
    },
  };
}

/** `[Parsed_fps_0 @ 0x...] [verbose] 83 frames in, 83 frames out; ...`, said when the graph ends. */
function framesOfFpsFilter(line: string): number | undefined {
  const told = /Parsed_fps_\d+ .*frames in, (?<out>\d+) frames out/u.exec(line)?.groups?.['out'];
  return told === undefined ? undefined : Number(told);
}

/**
 * `[graph 0 input from stream 0:0 @ 0x...] [verbose] w:160 h:90 pixfmt:yuv420p ...` and
 * `[graph_0_in_0_1 @ 0x...] [verbose] tb:1/48000 samplefmt:fltp samplerate:48000 ...`, said whenever the graph begins.
 */
function graphInput(
  line: string,
): { readonly name: string; readonly of: FormatChange['of']; readonly format: string } | undefined {
  const found =
    /^\[(?<name>graph[ _]\d+[ _]in\S*[^@]*) @ \w+\] \[verbose\].*?(?<format>w:\d+ h:\d+ pixfmt:\S+|samplefmt:\S+ samplerate:\d+ chlayout:[^:]*$)/u.exec(
      line,
    )?.groups;
  if (found === undefined) return undefined;
  const { name = '', format = '' } = found;
  return { name, of: format.startsWith('w:') ? 'picture' : 'sound', format: format.trim() };
}
