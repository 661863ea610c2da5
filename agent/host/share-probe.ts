import type { ShareOperations } from '../media/share-operations.ts';
import type { Mounts } from '../media/unc.ts';
import { resolveUnc } from '../media/unc.ts';

/** Whether a share can be used right now. */
export interface ShareState {
  readonly share: string;
  readonly readable: boolean;
  /** By its permissions and by how it is mounted; on Windows a write can still be refused. */
  readonly writable: boolean;
  /** An empty share is most likely a mount point without its mount. */
  readonly empty: boolean;
  /** The system's code of what failed: `ENOENT`, `EIO`, `EROFS`, ... or `SHARE_STALLED`. */
  readonly reason?: string;
}

export interface ShareProbeOptions {
  /** Operations of their own, so that a probe never waits behind copies. */
  readonly operations: ShareOperations;
  /** A share that does not answer for this long is not there. @default 5000 */
  readonly timeoutMs?: number;
  /** @default process.platform */
  readonly platform?: string;
  readonly signal?: AbortSignal;
}

/** Asks all mounts at once, in child processes: a hung one costs its own answer only. Rejects with the signal's reason. */
export async function probeShares(
  mounts: Mounts,
  options: ShareProbeOptions,
): Promise<readonly ShareState[]> {
  return Promise.all(
    Object.entries(mounts).map(async ([share, mount]) => {
      const root = mount.roots[0] ?? '';
      const platform = options.platform ?? process.platform;
      const { mountPath } = resolveUnc(root, { [share]: mount }, platform);
      return { share, ...(await probeOne(mountPath, options)) };
    }),
  );
}

async function probeOne(
  mountPath: string,
  { operations, timeoutMs = 5000, signal }: ShareProbeOptions,
): Promise<Omit<ShareState, 'share'>> {
  try {
    const call = { silenceMs: timeoutMs, ...(signal === undefined ? {} : { signal }) };
    return await operations.call({ op: 'check-mount', mountPath }, call);
  } catch (error) {
    signal?.throwIfAborted();
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    return {
      readable: false,
      writable: false,
      empty: false,
      reason: typeof code === 'string' ? code : 'EUNKNOWN',
    };
  }
}
