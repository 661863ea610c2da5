import { existsSync, type FSWatcher, mkdirSync, readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { attemptInContent, jobOfResult } from './history-lines.ts';
import type { Moments } from './moments.ts';
import type { Recorder } from './recorder.ts';

/**
 * Watches the real output folder, also while something else is mounted in its place: every file that gets a final name
 * is noted with its inode and the attempt that its content names. A file that is replaced is thus seen twice.
 */
export class ShareWatch {
  readonly #folder: string;
  readonly #recorder: Recorder;
  readonly #moments: Moments;
  readonly #seen = new Map<string, number>();
  readonly #watchers: FSWatcher[] = [];

  constructor(folder: string, recorder: Recorder, moments: Moments) {
    this.#folder = folder;
    this.#recorder = recorder;
    this.#moments = moments;
  }

  start(): void {
    const staging = join(this.#folder, '.renderfarm');
    mkdirSync(staging, { recursive: true });
    this.#watchers.push(
      watch(this.#folder, (_event, name) => {
        if (name !== null) this.#look(name);
      }),
      watch(staging, (_event, name) => {
        const jobId = /^([0-9a-f-]{36})-\d+\.\d+$/u.exec(name ?? '')?.[1];
        if (name === null || jobId === undefined || !existsSync(join(staging, name))) return;
        this.#moments.saw({ name: 'uploading', jobId });
      }),
    );
    for (const watcher of this.#watchers) watcher.on('error', () => undefined);
  }

  stop(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    if (existsSync(this.#folder)) for (const name of readdirSync(this.#folder)) this.#look(name);
  }

  #look(name: string): void {
    const jobId = jobOfResult(name);
    if (jobId === undefined) return;
    const path = join(this.#folder, name);
    try {
      const { ino: inode } = statSync(path);
      if (this.#seen.get(name) === inode) return;
      this.#seen.set(name, inode);
      this.#moments.saw({ name: 'renamed', jobId });
      const attempt = attemptInContent(readFileSync(path));
      this.#recorder.sighting({ name, inode, ...(attempt === undefined ? {} : { attempt }) });
    } catch {
      // It has gone again: whoever took it away is seen by the final look.
    }
  }
}
