import { execFileSync } from 'node:child_process';

/** Small file systems of their own, which can be full without filling the machine's disk. */
export interface MountedFolders {
  /** Folders that are one. */
  readonly small: ReadonlySet<string>;
  /** Why there are none, where the system refuses. */
  readonly refused: string | undefined;
  unmountAll(): void;
}

/** Mounts a small tmpfs on each folder; where that is not allowed the run goes on without. */
export function mountSmall(
  folders: readonly { readonly path: string; readonly mib: number }[],
): MountedFolders {
  const small = new Set<string>();
  let refused: string | undefined;
  for (const { path, mib } of folders) {
    const error = mount(['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', path]);
    if (error === undefined) small.add(path);
    refused ??= error;
  }
  return {
    small,
    refused,
    unmountAll() {
      for (const path of small) unmount(path);
      small.clear();
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
