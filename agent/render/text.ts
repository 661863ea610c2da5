/** More graphemes than this are a validation error: mission.md section 5. */
export const graphemesMax = 200;

/** Every run of white space, line ends among it. */
const whiteSpace = /[\s\u2028\u2029]+/gu;

/** Control characters, and the ones that turn the direction of what follows. Joiners stay: emoji need them. */
const unreadable = /[\p{Cc}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF\uFFF9-\uFFFB]/gu;

/** A request's text as one line that can be drawn: no control or bidi characters, single spaces, well-formed. */
export function readableText(text: string): string {
  return text.toWellFormed().replace(whiteSpace, ' ').replace(unreadable, '').replace(/ {2,}/gu, ' ').trim();
}

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** What a person would call the letters: combining marks, emoji families and syllables stay whole. */
export function splitGraphemes(text: string): readonly string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
