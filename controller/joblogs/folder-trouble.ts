import { type AlarmView, logsUnwritable } from '../engine/farm.ts';
import { codeOf } from './log-paths.ts';

export interface FolderTroubleOptions {
  readonly logsDir: string;
  readonly nowMs: () => number;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** What is wrong with the disk of the logs: logged once, not with every upload that it refuses, and shown while it lasts. */
export class FolderTrouble {
  readonly #options: FolderTroubleOptions;
  #alarm: AlarmView | undefined;

  constructor(options: FolderTroubleOptions) {
    this.#options = options;
  }

  /** None, or the one that stands. */
  readonly alarms = (): readonly AlarmView[] => (this.#alarm === undefined ? [] : [this.#alarm]);

  /** Told of each write: undefined where the disk took it, else why not. */
  readonly wrote = (trouble: Error | undefined): void => {
    const { logsDir, nowMs, log } = this.#options;
    const reason = trouble === undefined ? undefined : (codeOf(trouble) ?? 'unexpected error');
    if (reason === this.#alarm?.fields['reason']) return;
    if (reason === undefined) {
      this.#alarm = undefined;
      log.info({ logsDir }, 'The logs folder can be written again');
      return;
    }
    const atMs = this.#alarm?.atMs ?? nowMs();
    this.#alarm = { atMs, event: logsUnwritable, fields: { folder: logsDir, reason } };
    const message =
      'The logs folder cannot be written: rendering goes on, agents keep their logs and send them later';
    log.warn({ err: trouble, logsDir, reason }, message);
  };
}
