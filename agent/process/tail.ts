/** The last lines of a stream, in order. */
export interface Tail {
  add(line: string): void;
  lines(): readonly string[];
}

export function keepTail(linesMax: number): Tail {
  const kept: string[] = [];
  return {
    add: (line) => {
      kept.push(line);
      if (kept.length > linesMax) kept.shift();
    },
    lines: () => [...kept],
  };
}
