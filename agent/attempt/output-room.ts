import type { OutputTarget } from '../../proto/index.ts';
import type { ShareOperations } from '../media/share-operations.ts';
import type { MountChecked } from '../media/share-protocol.ts';
import type { MountedPath, Mounts } from '../media/unc.ts';
import { resolveUnc } from '../media/unc.ts';
import { outputBytesMax } from '../render/encoder.ts';
import { AttemptFailedError } from './finished.ts';

/** What a job's output share was like when the attempt began. */
export interface OutputRoom {
  /** Throws AttemptFailedError (environment) when a result of so many frames does not fit there. */
  demand(result: { readonly enable4k: boolean; readonly frames: number }): void;
}

/**
 * Looks at the share that a result goes to, before anything is encoded. Rejects with AttemptFailedError (environment)
 * when it is not there or cannot be written, or with the signal's reason.
 */
export type LookAtOutput = (output: OutputTarget, signal: AbortSignal) => Promise<OutputRoom>;

/** A disk that sleeps needs some seconds; one that needs longer is not there. */
const answerMs = 20_000;

export function createOutputLook(
  mounts: Mounts,
  operations: ShareOperations,
  platform: string = process.platform,
): LookAtOutput {
  return async (output, signal) => {
    const { share, mountPath, uncPath } = located(output, mounts, platform);
    const name = `output share ${share} (${uncPath}, here ${mountPath})`;
    const found = await checked(operations, mountPath, signal);
    if (!found.readable)
      throw failure('OUTPUT_UNREACHABLE', `${name} cannot be reached: ${found.reason ?? ''}`);
    if (!found.writable)
      throw failure('OUTPUT_UNWRITABLE', `${name} cannot be written: ${found.reason ?? ''}`);
    return {
      demand({ enable4k, frames }) {
        const bytes = outputBytesMax({ enable4k, frames });
        if (found.freeBytes >= bytes) return;
        const figures = `${bytes} bytes may be needed, ${found.freeBytes} are free`;
        throw failure('OUTPUT_SPACE_SHORT', `${name} has too little room: ${figures}`);
      },
    };
  };
}

/** A target that this PC does not mount is this PC's fault, not the job's. */
function located({ folder }: OutputTarget, mounts: Mounts, platform: string): MountedPath {
  try {
    return resolveUnc(folder, mounts, platform);
  } catch (error) {
    throw failure('OUTPUT_UNREACHABLE', `output folder ${folder}: ${messageOf(error)}`);
  }
}

async function checked(
  operations: ShareOperations,
  mountPath: string,
  signal: AbortSignal,
): Promise<Omit<MountChecked, 'empty'>> {
  try {
    return await operations.call({ op: 'check-mount', mountPath }, { signal, silenceMs: answerMs });
  } catch (error) {
    signal.throwIfAborted();
    return { readable: false, writable: false, freeBytes: 0, reason: messageOf(error) };
  }
}

function failure(code: string, message: string): AttemptFailedError {
  return new AttemptFailedError({ failureClass: 'environment', message, problems: [{ code, message }] });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
