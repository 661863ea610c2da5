import { shareIdPath } from '../media/share-identity.ts';
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
  /** Which share it is: what `.renderfarm/share-id` of its output folder says. Absent: none was ever used, or read. */
  readonly identity?: string;
}

export interface ShareProbeOptions {
  /** Operations of their own, so that a probe never waits behind copies. */
  readonly operations: ShareOperations;
  /** A share that does not answer for this long is not there. @default 5000 */
  readonly timeoutMs?: number;
  /** @default process.platform */
  readonly platform?: string;
  readonly signal?: AbortSignal;
  /** The output folder of a share (on this PC), where one is known. */
  readonly outputFolderOf?: (share: string) => string | undefined;
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
      const state = await probeOne(mountPath, options);
      const folder = options.outputFolderOf?.(share);
      if (!state.readable || folder === undefined) return { share, ...state };
      return { share, ...state, ...(await identityOf(folder, options)) };
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

/** A share that can be read without its identity is reported without it: nothing is proved by it then. */
async function identityOf(
  folder: string,
  { operations, timeoutMs = 5000, signal }: ShareProbeOptions,
): Promise<Pick<ShareState, 'identity'>> {
  try {
    const call = { silenceMs: timeoutMs, ...(signal === undefined ? {} : { signal }) };
    return await operations.call({ op: 'read-identity', path: shareIdPath(folder) }, call);
  } catch {
    signal?.throwIfAborted();
    return {};
  }
}
