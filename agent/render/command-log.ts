/** Where every command and all that FFmpeg says goes: ffmpeg_cmd.txt and ffmpeg_stderr.txt. */
export interface CommandLog {
  /** A command is about to start; `label` names the item or the step. */
  command(entry: CommandEntry): void;
  /** A line that a command wrote to stderr, in order. */
  stderr(label: string, line: string): void;
}

export interface CommandEntry {
  readonly label: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** Hears nothing. */
export const silentCommandLog: CommandLog = { command: () => undefined, stderr: () => undefined };

/** A command as one line that can be pasted into a shell. */
export function commandText({ file, args }: Pick<CommandEntry, 'file' | 'args'>): string {
  return [file, ...args].map(quote).join(' ');
}

function quote(word: string): string {
  return /^[\w./:=+,-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
