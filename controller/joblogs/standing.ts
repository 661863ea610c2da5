import { FarmError } from '../domain/errors.ts';
import type { Farm, LogStanding } from '../engine/farm.ts';

/**
 * How the log of a job stands. Where only history would know the job and cannot be read, the job has left the farm: its
 * log, where one is here, needs no more.
 * @throws FarmError HISTORY_UNAVAILABLE where no log is here either; as `Farm.logOf`
 */
export async function standingOf(
  farm: Pick<Farm, 'logOf'>,
  jobId: string,
  isHere: () => Promise<boolean>,
): Promise<LogStanding | undefined> {
  try {
    return await farm.logOf(jobId);
  } catch (error) {
    const isPast = error instanceof FarmError && error.code === 'HISTORY_UNAVAILABLE';
    if (!isPast || !(await isHere())) throw error;
    return undefined;
  }
}
