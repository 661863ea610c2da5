import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';

/** File systems of their own, which can be full without filling the machine's disk. */
export interface MountedFolders {
  /** Why there are none, where the system refuses. */
  readonly refused: string | undefined;
  /** Leaves not one byte free there. False: it is no file system of ours. */
  fill(path: string): boolean;
  /** Gives back the room. */
  empty(path: string): void;
  unmountAll(): void;
}

/** Agents want some hundred MiB free before they take anything. It costs memory only where it is used. */
const roomBytes = 1024 ** 3;

/** Mounts a tmpfs on each folder; where that is not allowed the run goes on without. */
export function mountOwnDisks(folders: readonly string[]): MountedFolders {
  const mounted = new Set<string>();
  let refused: string | undefined;
  const resize = (path: string, bytes: number): boolean =>
    mount(['-o', `remount,size=${bytes}`, path]) === undefined;
  for (const path of folders) {
    const error = mount(['-t', 'tmpfs', '-o', `size=${roomBytes}`, 'tmpfs', path]);
    if (error === undefined) mounted.add(path);
    refused ??= error;
  }
  return {
    refused,
    fill(path) {
      if (!mounted.has(path)) return false;
      // It cannot become smaller than what is in it; while that grows it is tried again.
      for (let tries = 0; tries < 5; tries += 1) {
        const { blocks, bfree, bsize } = statfsSync(path);
        // Of size 0 it would be without a limit, and could not be given one again.
        if (resize(path, Math.max(1, blocks - bfree) * bsize)) return true;
      }
      return false;
    },
    empty: (path) => void resize(path, roomBytes),
    unmountAll() {
      for (const path of mounted) unmount(path);
      mounted.clear();
    },
  };
}

/** Makes a folder read-only until `unmount`. Undefined when it is, else why not. */
export function mountReadOnly(path: string): string | undefined {
  const refused = mount(['--bind', path, path]);
  if (refused !== undefined) return refused;
  const still = mount(['-o', 'remount,ro,bind', path]);
  if (still !== undefined) unmount(path);
  return still;
}

/** Also while somebody is in it. */
export function unmount(path: string): void {
  execFileSync('umount', ['--lazy', path]);
}

function mount(args: readonly string[]): string | undefined {
  try {
    execFileSync('mount', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
  }
}
