/** As every table of ours compares letters: only those of ASCII have an upper and a lower case. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/gu, (letters) => letters.toLowerCase());
}
