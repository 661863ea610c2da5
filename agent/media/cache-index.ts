import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import type { SourceVersion } from './share-protocol.ts';

/** What a source path held when it was copied. */
export interface IndexedSource extends SourceVersion {
  readonly sha256: string;
}

/**
 * Which source held which content, and when a content was used last: a file of lines, appended to and rewritten when
 * it is opened. Losing it, or its last line, costs copies and never correctness: contents are found by their folders.
 */
export interface CacheIndex {
  source(path: string): IndexedSource | undefined;
  setSource(path: string, source: IndexedSource): void;
  /** Milliseconds since 1970, 0 for never. */
  usedAtMs(sha256: string): number;
  setUsed(sha256: string, atMs: number): void;
  /** Forgets a content and every source that held it. */
  drop(sha256: string): void;
  /** Waits until everything is written. Rejects when that failed. */
  close(): Promise<void>;
}

type Line =
  | { readonly source: string; readonly held: IndexedSource }
  | { readonly used: string; readonly atMs: number }
  | { readonly drop: string };

export async function openCacheIndex(path: string): Promise<CacheIndex> {
  const sources = new Map<string, IndexedSource>();
  const used = new Map<string, number>();

  const apply = (line: Line): void => {
    if ('source' in line) sources.set(line.source, line.held);
    else if ('used' in line) used.set(line.used, line.atMs);
    else forget(line.drop);
  };
  const forget = (sha256: string): void => {
    used.delete(sha256);
    for (const [source, held] of sources) if (held.sha256 === sha256) sources.delete(source);
  };

  for (const line of await readLines(path)) apply(line);
  await rewrite(path, sources, used);

  let fault: unknown;
  let written = Promise.resolve();
  const append = (line: Line): void => {
    apply(line);
    // One after the other: lines of two appends must not mix.
    written = written
      .then(() => appendFile(path, `${JSON.stringify(line)}\n`))
      .catch((error: unknown) => void (fault ??= error));
  };

  return {
    source: (source) => sources.get(source),
    setSource: (source, held) => append({ source, held }),
    usedAtMs: (sha256) => used.get(sha256) ?? 0,
    setUsed: (sha256, atMs) => append({ used: sha256, atMs }),
    drop: (sha256) => append({ drop: sha256 }),
    async close() {
      await written;
      if (fault !== undefined) throw fault as Error;
    },
  };
}

async function readLines(path: string): Promise<readonly Line[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

// A torn last line, or one of another version of the agent, is no line.
function parseLine(text: string): Line | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return isLine(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

function isLine(line: unknown): line is Line {
  if (typeof line !== 'object' || line === null) return false;
  const fields = line as Partial<Record<string, unknown>>;
  if (typeof fields['drop'] === 'string') return true;
  if (typeof fields['used'] === 'string') return typeof fields['atMs'] === 'number';
  const held = fields['held'] as Partial<Record<string, unknown>> | null | undefined;
  return (
    typeof fields['source'] === 'string' &&
    typeof held?.['sha256'] === 'string' &&
    typeof held['sizeBytes'] === 'number' &&
    typeof held['changedAtNs'] === 'string'
  );
}

async function rewrite(
  path: string,
  sources: ReadonlyMap<string, IndexedSource>,
  used: ReadonlyMap<string, number>,
): Promise<void> {
  const lines: Line[] = [
    ...[...sources].map(([source, held]) => ({ source, held })),
    ...[...used].map(([sha256, atMs]) => ({ used: sha256, atMs })),
  ];
  await writeFile(`${path}.new`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await rename(`${path}.new`, path);
}
