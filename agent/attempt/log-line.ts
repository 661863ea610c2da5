/** The names that Python's logging writes: people and scripts look for them. */
export type LogLevel = 'INFO' | 'WARNING' | 'ERROR';

/** One line is at most this long; a longer message is cut. */
export const logLineCharsMax = 4_000;

/** `HH:MM:SS` in one zone. Falls back to UTC for a zone that this Node does not know. */
export function clockOf(timeZone: string): (atMs: number) => string {
  const format = formatterOf(timeZone);
  return (atMs) => format.format(atMs);
}

/** `HH:MM:SS - LEVEL - message` (mission.md section 4). Whatever the message holds, it is one line. */
export function logLine(clock: string, level: LogLevel, message: string): string {
  return `${clock} - ${level} - ${escapeControls(message).slice(0, logLineCharsMax).toWellFormed()}\n`;
}

/**
 * Control characters, the separators that some readers take for a line's end, and what turns the order of a line
 * around, as `\xNN` or `\uNNNN`: a channel name can never forge a line, nor look like another one.
 */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu,
    (character) => {
      const code = character.charCodeAt(0);
      const hex = code.toString(16);
      return code < 256 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
    },
  );
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const options = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
  }
}
