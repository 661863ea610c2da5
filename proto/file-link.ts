/**
 * Looks at files for jobs that are only verified, not submitted (docs/verify.md). Spoken with agents only whose Hello
 * names the feature `verify`. All of it may be lost: whoever asked then knows less. Nothing of it is in a journal.
 */

/** Name of the feature in an agent's Hello: it answers LookAtFiles. */
export const verifyFeature = 'verify';

/** Files of one look: what an agent answers at once, however long the job. */
export const lookFilesMax = 64;

/** To an agent that mounts the shares of these files. Answered by FilesSeen alone, whatever becomes of it. */
export interface LookAtFiles {
  readonly kind: 'look-at-files';
  /** Never given twice. */
  readonly lookId: string;
  /** UNC paths. */
  readonly paths: readonly string[];
  /** From now; what was not looked at by then is answered as such. */
  readonly limitMs: number;
}

/**
 * `readable` is there, and media; `missing` is not; `denied` is there and may not be read; `unusable` is there and no
 * media, or damaged. Of the others nothing is known: the share was not reached (`unreachable`), or there was no time
 * (`not-looked`).
 */
export type FileState = 'readable' | 'missing' | 'denied' | 'unusable' | 'unreachable' | 'not-looked';

export interface FileSeen {
  readonly state: FileState;
  readonly sizeBytes?: number;
  /** What the container says; absent: nothing, or a still. */
  readonly durationMs?: number;
  /** As a player shows it, turned; absent: no picture. */
  readonly width?: number;
  readonly height?: number;
  /** Of the picture. */
  readonly codec?: string;
  /** Absent: its content alone does not tell a still from a clip. */
  readonly isImage?: boolean;
  /** What is wrong, where something is; the code is of docs/errors.md. */
  readonly code?: string;
  readonly message?: string;
}

/** As many files as were asked for, in their order. */
export interface FilesSeen {
  readonly kind: 'files-seen';
  readonly lookId: string;
  readonly files: readonly FileSeen[];
}
