import type { Assign } from '../../proto/index.ts';
import type { AttemptReport } from '../core/inputs.ts';
import type { JobLog } from './job-log.ts';
import type { LogFolder } from './log-folder.ts';
import type { OwnerPort } from './own-items.ts';
import type { AttemptRoom } from './scratch-room.ts';
import type { AttemptServices } from './services.ts';

/** All that one attempt works with. */
export interface AttemptRun {
  readonly assign: Assign;
  /** Where it renders, on a PC with several GPUs. */
  readonly gpuIndex?: number;
  readonly services: AttemptServices;
  readonly folder: LogFolder;
  readonly log: JobLog;
  readonly scratch: AttemptRoom;
  /** Stops the attempt; its reason says why. */
  readonly signal: AbortSignal;
  /** Kills what the stop has not ended yet. */
  readonly force: AbortSignal;
  /** Who gives items of this job to other agents. @default nobody */
  readonly owner?: OwnerPort;
  /** Hears `staged` or `ended` last, when nothing of the attempt runs any more. */
  readonly report: (report: AttemptReport) => void;
}
