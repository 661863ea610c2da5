/** What has no place in a name that people read: controls, lone surrogates, line and paragraph separators. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** The characters of user and channel names, video ids and queues. */
export const nameCharactersMax = 128;

/** 1 to 128 printable characters, not all of them spaces. */
export function isPrintableName(text: string): boolean {
  return text.trim() !== '' && !unprintable.test(text) && Array.from(text).length <= nameCharactersMax;
}

/** What agents, queues, shares and labels may be called: they stand in logs, in file names and on pages. */
export function isPlainName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u.test(text);
}

/** The same for people. */
export const plainNameRule = 'must be letters, digits, dots, dashes; at most 63';

/** No character that breaks a line or a terminal. */
export function isPrintable(text: string): boolean {
  return !unprintable.test(text);
}

/** Of a text from another place, whose length and characters are not ours: one line of a log stays one line. */
export function onOneLine(text: string, charactersMax: number): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, charactersMax);
}

/** What a reader sees as letters: the unit of the text animation. */
export function countGraphemes(text: string): number {
  if (plain.test(text)) return text.length;
  return Array.from(graphemes.segment(text)).length;
}

/** Each of these is a letter of its own, and most texts have no other; a segmenter costs a hundred times as much. */
const plain = /^[ -~]*$/u;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
