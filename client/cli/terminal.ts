import { once } from 'node:events';

/** What commands write to and know of where they run: given by main.ts, and by tests. */
export interface Terminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Ends the command: Ctrl-C, or its output is gone. */
  readonly signal: AbortSignal;
  /** `--json`: one line of JSON for each thing, on stdout. */
  readonly json: boolean;
}

/** A line of the result. */
export function say(terminal: Terminal, line: string): void {
  terminal.stdout.write(`${line}\n`);
}

/** A line of a result that may be larger than our memory: whoever reads slowly is waited for. */
export async function sayInTime({ stdout, signal }: Terminal, line: string): Promise<void> {
  if (!stdout.write(`${line}\n`)) await once(stdout, 'drain', { signal });
}

/** A line beside the result: for people only. */
export function note(terminal: Terminal, line: string): void {
  terminal.stderr.write(`${line}\n`);
}

/** Columns for lines that are read; what is piped is not wrapped. */
export function widthOf({ stdout }: Terminal): number {
  return stdout.isTTY ? Math.max(40, stdout.columns) : Number.POSITIVE_INFINITY;
}

/** Progress bars make sense. */
export function isInteractive({ stdout, stderr, json }: Terminal): boolean {
  return stdout.isTTY && stderr.isTTY && !json;
}
