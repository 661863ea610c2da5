import { outputBytesMax } from '../render/encoder.ts';
import { AttemptFailedError } from './finished.ts';

/** Segments with their PCM sound, then the result beside them. */
const copiesOnDisk = 2;

/** Throws AttemptFailedError (environment) when a render of so many frames does not fit on this PC's disk. */
export function demandScratch(
  result: { readonly enable4k: boolean; readonly frames: number },
  freeBytes: number,
  workFolder: string,
): void {
  const bytes = copiesOnDisk * outputBytesMax(result);
  if (freeBytes >= bytes) return;
  const figures = `${bytes} bytes may be needed, ${freeBytes} are free`;
  const message = `scratch space (${workFolder}) has too little room: ${figures}`;
  throw new AttemptFailedError({
    failureClass: 'environment',
    message,
    problems: [{ code: 'SCRATCH_SPACE_SHORT', message }],
  });
}
