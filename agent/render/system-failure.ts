import type { RenderFailure } from './failure.ts';

/** An error of the file system as a failure of this PC; undefined for anything else, which is a broken assumption. */
export function explainSystemError(error: unknown): RenderFailure | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  const isFull = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  return {
    failureClass: 'environment',
    code: isFull ? 'DISK_FULL' : 'FILE_ACCESS',
    message: isFull ? `No space left on device: ${error.message}` : error.message,
    exitCode: undefined,
    stderrTail: [],
    position: undefined,
  };
}
