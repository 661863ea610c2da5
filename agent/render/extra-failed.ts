/** Something beside a result could not be made: a warning, and never the job's failure. */
export class ExtraFailedError extends Error {
  override readonly name = 'ExtraFailedError';
}
