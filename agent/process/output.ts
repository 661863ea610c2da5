import type { Readable } from 'node:stream';
import { type LineSplitter, splitLines } from './lines.ts';
import type { LineListener, ResolvedProcessOptions } from './process-options.ts';
import { keepTail } from './tail.ts';

/** What was read of a process's two pipes. */
export interface Output {
  /** Hands out the last lines, when they had no ending. */
  end(): void;
  readonly stderrTail: readonly string[];
  readonly stdout: string;
  readonly stdoutCut: boolean;
  /** The first error that a listener threw. */
  readonly listenerError: unknown;
}

export interface OutputEvents {
  readonly onAlive: () => void;
  readonly onListenerError: () => void;
}

/** Reads both pipes to their ends, always: a full pipe would stop the process. */
export function drainOutput(
  streams: { readonly stdout: Readable; readonly stderr: Readable },
  options: ResolvedProcessOptions,
  { onAlive, onListenerError }: OutputEvents,
): Output {
  const tail = keepTail(options.stderrTailLines);
  const text = keepText(options.stdoutCharsMax);
  let listenerError: unknown;

  const tell = (listener: LineListener, line: string): void => {
    if (listenerError !== undefined) return;
    try {
      listener(line, onAlive);
    } catch (error) {
      listenerError = error ?? new Error('A line listener threw nothing.');
      onListenerError();
    }
  };
  const read = (stream: Readable, onLine: (line: string) => void): LineSplitter => {
    const splitter = splitLines(options.lineCharsMax, onLine);
    stream.on('data', (bytes: Buffer) => {
      if (options.aliveBy === 'output') onAlive();
      splitter.push(bytes);
    });
    return splitter;
  };

  const out = read(streams.stdout, (line) => {
    text.add(line);
    tell(options.onStdoutLine, line);
  });
  const err = read(streams.stderr, (line) => {
    tail.add(line);
    tell(options.onStderrLine, line);
  });

  return {
    end: () => {
      out.end();
      err.end();
    },
    get stderrTail() {
      return tail.lines();
    },
    get stdout() {
      return text.lines.join('\n');
    },
    get stdoutCut() {
      return text.isCut;
    },
    get listenerError() {
      return listenerError;
    },
  };
}

/** Whole lines, until the limit; what comes after it is counted as cut. */
function keepText(charsMax: number) {
  let room = charsMax;
  const kept = {
    lines: [] as string[],
    isCut: false,
    add: (line: string): void => {
      room -= line.length + 1;
      // A caller that asked for nothing misses nothing.
      if (room < 0) kept.isCut = charsMax > 0;
      else kept.lines.push(line);
    },
  };
  return kept;
}
