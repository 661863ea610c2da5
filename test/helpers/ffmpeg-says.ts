import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What an FFmpeg said when it failed: recorded here, on a GPU, or put together from its source; `from` says which. */
export interface RecordedFailure {
  /** `5.1/sessions.client-key`. */
  readonly name: string;
  readonly file: string;
  /** What it is meant to be an example of. */
  readonly category: string;
  readonly from: string;
  readonly exitCode: number;
  readonly lines: readonly string[];
}

const folder = fileURLToPath(new URL('../fixtures/ffmpeg-says', import.meta.url));

/** All of them, by version and name. */
export function recordedFailures(): readonly RecordedFailure[] {
  return readdirSync(folder)
    .sort()
    .flatMap((version) =>
      readdirSync(join(folder, version))
        .sort()
        .map((file) => recordedFailure(`${version}/${basename(file, '.txt')}`)),
    );
}

export function recordedFailure(name: string): RecordedFailure {
  const file = join(folder, `${name}.txt`);
  const all = readFileSync(file, 'utf8').trimEnd().split('\n');
  const fact = (key: string): string => {
    const line = all.find((one) => one.startsWith(`# ${key}: `));
    if (line === undefined) throw new Error(`${file} does not say its ${key}`);
    return line.slice(key.length + 4);
  };
  const category = basename(name).split('.')[0] ?? '';
  const lines = all.filter((line) => !line.startsWith('# '));
  return { name, file, category, from: fact('from'), exitCode: Number(fact('exit')), lines };
}
