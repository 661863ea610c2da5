/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A state diagram that GitHub and most editors draw: an arrow for each transition; states without one are ends. */
export function mermaid(
  firsts: readonly string[],
  next: Readonly<Record<string, readonly string[]>>,
): string {
  const arrows = Object.entries(next).flatMap(([from, to]) =>
    to.length === 0 ? [`  ${from} --> [*]`] : to.map((state) => `  ${from} --> ${state}`),
  );
  const starts = firsts.map((state) => `  [*] --> ${state}`);
  return ['```mermaid', 'stateDiagram-v2', ...starts, ...arrows, '```'].join('\n');
}

function cell(text: string): string {
  return text === '' ? '-' : text.replaceAll('|', '\\|');
}
