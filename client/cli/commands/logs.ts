import type { JobLogFile } from '../../follow-log.ts';
import type { RenderfarmClient } from '../../renderfarm-client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { safeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { note, sayInTime, type Terminal } from '../terminal.ts';

export interface LogsCommandOptions {
  readonly follow?: boolean;
  readonly file?: JobLogFile;
  readonly attempt?: number;
  readonly tail?: number;
}

/** A line that never ends is shown in parts of this length: nothing grows without a bound. */
const lineCharsMax = 64 * 1024;

/** Prints a log line by line; what could move the cursor of a terminal is shown as a sign for it. */
export async function logs(
  client: RenderfarmClient,
  terminal: Terminal,
  jobId: string,
  { follow = false, file = 'job.log', attempt, tail }: LogsCommandOptions,
): Promise<ExitCode> {
  const options = {
    ...{ file, follow, signal: terminal.signal },
    ...(attempt !== undefined && { attempt }),
    ...(tail !== undefined && { tailLines: tail }),
    onInterruption: (error: Error) => {
      if (!terminal.json) note(terminal, safeText(`(${error.message}; trying again)`));
    },
  };
  const lines = new Lines();
  let shown = 0;
  for await (const piece of client.log(jobId, options)) {
    if (piece.beginsAnew) {
      note(terminal, '(another controller leads, which has received this log anew: it begins again)');
    }
    if (piece.beginsAnew || piece.attempt !== shown) await write(terminal, lines.end(), shown);
    shown = piece.attempt;
    await write(terminal, lines.take(piece.data), piece.attempt);
  }
  await write(terminal, lines.end(), shown);
  return exitCodes.ok;
}

/** Waits where the reader of our output is slow, so that the controller waits too. */
async function write(terminal: Terminal, lines: readonly string[], attempt: number): Promise<void> {
  for (const line of lines) {
    await sayInTime(terminal, terminal.json ? jsonLine({ event: 'log', attempt, line }) : safeLine(line));
  }
}

/** Tabs are harmless, and FFmpeg aligns with them. */
function safeLine(line: string): string {
  return line.split('\t').map(safeText).join('\t');
}

/** Bytes, cut anywhere, as lines. */
class Lines {
  #decoder = new TextDecoder();
  #rest = '';

  take(data: Uint8Array): readonly string[] {
    const lines = (this.#rest + this.#decoder.decode(data, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > lineCharsMax) {
      lines.push(this.#rest);
      this.#rest = '';
    }
    return lines.map((line) => line.replace(/\r$/u, ''));
  }

  /** What no line feed has ended. */
  end(): readonly string[] {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = '';
    this.#decoder = new TextDecoder();
    return rest === '' ? [] : [rest];
  }
}
