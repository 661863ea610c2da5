import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A cgroup that gives its processes, and all that they start, a share of the processor. */
export interface CpuGroup {
  add(pid: number): Promise<void>;
  /** Call it when its processes have ended. Idempotent. */
  remove(): Promise<void>;
}

const periodUs = 100_000;
const rootV2 = '/sys/fs/cgroup';
const rootV1 = '/sys/fs/cgroup/cpu';

/** Makes a group of version 2 or 1, whichever this machine has. @throws Error where none can be made: that needs root */
export async function openCpuGroup(name: string, cores: number): Promise<CpuGroup> {
  const isV2 = existsSync(join(rootV2, 'cgroup.controllers'));
  const folder = join(isV2 ? rootV2 : rootV1, name);
  const quotaUs = Math.round(cores * periodUs);
  try {
    if (!isV2 && !existsSync(join(rootV1, 'cpu.cfs_quota_us')) && !existsSync(join(rootV1, 'tasks')))
      throw new Error(`there is neither ${rootV2}/cgroup.controllers nor ${rootV1}`);
    await mkdir(folder, { recursive: true });
    if (isV2) {
      await writeFile(join(rootV2, 'cgroup.subtree_control'), '+cpu').catch(() => undefined);
      await writeFile(join(folder, 'cpu.max'), `${quotaUs} ${periodUs}`);
    } else {
      await writeFile(join(folder, 'cpu.cfs_period_us'), `${periodUs}`);
      await writeFile(join(folder, 'cpu.cfs_quota_us'), `${quotaUs}`);
    }
  } catch (error) {
    await rmdir(folder).catch(() => undefined);
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`no cgroup of ${cores} cores can be made on this machine: ${why}`, { cause: error });
  }
  return {
    add: (pid) => writeFile(join(folder, 'cgroup.procs'), `${pid}`),
    async remove() {
      // The kernel lets go of the last process a moment after it has ended.
      for (let tries = 0; tries < 50; tries += 1) {
        const isEmpty = await readFile(join(folder, 'cgroup.procs'), 'utf8').then(
          (text) => text.trim() === '',
          () => true,
        );
        const isGone =
          isEmpty &&
          (await rmdir(folder).then(
            () => true,
            () => !existsSync(folder),
          ));
        if (isGone) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
}
