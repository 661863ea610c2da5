import { StringDecoder } from 'node:string_decoder';

/** Cuts a byte stream into lines. */
export interface LineSplitter {
  push(bytes: Buffer): void;
  /** The last line, when it had no ending. */
  end(): void;
}

/**
 * Calls `onLine` for every line that ends in `\n`, `\r\n` or `\r` (FFmpeg overwrites its status line with `\r`),
 * without the ending. Bytes are read as UTF-8, also across reads. Of a line longer than `lineCharsMax` the beginning is kept
 * and `…` is added, so a stream without line ends takes no memory.
 */
export function splitLines(lineCharsMax: number, onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let kept = '';
  let isCut = false;
  let endedByReturn = false;

  const add = (text: string): void => {
    const room = lineCharsMax - kept.length;
    isCut ||= text.length > room;
    kept += text.slice(0, Math.max(0, room));
  };
  const emit = (): void => {
    const line = isCut ? `${kept}…` : kept;
    kept = '';
    isCut = false;
    onLine(line);
  };
  const take = (text: string): void => {
    let from = 0;
    for (const { 0: ending, index } of text.matchAll(/[\r\n]/gu)) {
      const isSecondHalf = ending === '\n' && endedByReturn && index === from && kept === '' && !isCut;
      add(text.slice(from, index));
      if (!isSecondHalf) emit();
      endedByReturn = ending === '\r';
      from = index + 1;
    }
    if (from < text.length) {
      add(text.slice(from));
      endedByReturn = false;
    }
  };

  return {
    push: (bytes) => take(decoder.write(bytes)),
    end: () => {
      take(decoder.end());
      if (kept !== '' || isCut) emit();
    },
  };
}
