import { randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, parse, resolve } from 'node:path';
import type { Mounts } from '../agent/media/unc.ts';
import { parseJobFile } from '../client/job-file.ts';
import type { ItemInput } from '../client/job-input.ts';
import type { DemoJob } from './jobs.ts';

export interface OwnJobs {
  readonly jobs: readonly DemoJob[];
  /** One source share for each disk that local paths name: `\\demo\own` is `/`. */
  readonly mounts: Mounts;
}

/**
 * Jobs from files of the caller's. A path in them is either a UNC path (the demo's own share) or a path of this
 * machine, relative to the job file; the latter becomes a UNC path below a share that the demo's agents mount.
 * @throws RenderfarmError `INVALID_JOB_FILE` with every problem of a file; Error for a file that cannot be read
 */
export async function readOwnJobs(files: readonly string[]): Promise<OwnJobs> {
  const mounts: Record<string, { roots: string[]; localPath: string }> = {};
  const jobs: DemoJob[] = [];
  for (const file of files) {
    const input = parseJobFile(await readFile(file, 'utf8'), file);
    const folder = dirname(resolve(file));
    const toUnc = (path: string): string => (isUnc(path) ? path : mountLocal(resolve(folder, path), mounts));
    const items = input.items.map((item) => withPaths(item, toUnc));
    jobs.push({
      name: basename(file),
      input: { ...input, items, jobId: input.jobId ?? randomUUID() },
      ends: 'published',
      // Where exactly a clip of unknown origin ends is a matter of opinion, by a frame.
      framesOffMax: items.length,
    });
  }
  return { jobs, mounts };
}

function withPaths(item: ItemInput, toUnc: (path: string) => string): ItemInput {
  return {
    ...item,
    ...(item.path !== undefined && { path: toUnc(item.path) }),
    ...(item.logoPath !== undefined && { logoPath: toUnc(item.logoPath) }),
  };
}

function isUnc(path: string): boolean {
  return /^(\\\\|\/\/)[^\\/]/u.test(path);
}

function mountLocal(path: string, mounts: Record<string, { roots: string[]; localPath: string }>): string {
  const real = realPath(path);
  const { root } = parse(real);
  const share = `own${root.replaceAll(/[^A-Za-z]/gu, '').toLowerCase()}`;
  const mount = (mounts[share] ??= { roots: [`\\\\demo\\${share}`], localPath: root });
  return [mount.roots[0], ...real.slice(root.length).split(/[\\/]/u)].join('\\');
}

/** A file that is not there keeps its name: the farm's own error shall name it. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
