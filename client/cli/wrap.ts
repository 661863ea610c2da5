/** A text in lines of at most this width, where its words allow it; all but the first are indented. */
export function wrapped(text: string, width: number, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=\S)(?= )/u)) {
    if (line !== '' && line.length + word.length > width) {
      lines.push(line);
      line = `${' '.repeat(indent)}${word.trimStart()}`;
    } else line += word;
  }
  return [...lines, line];
}
