import type { ContentCache } from '../media/content-cache.ts';
import type { Gate } from '../media/gate.ts';
import type { UnderwayOperation } from '../media/share-operations.ts';
import type { Mounts } from '../media/unc.ts';
import type { EncoderChoice, FfmpegInstall } from '../render/render-request.ts';
import type { SegmentStore } from '../render/segment-cache.ts';
import type { FetchLane } from './fetch-lane.ts';
import type { KeptWork } from './kept-work.ts';
import type { LookAtOutput } from './output-room.ts';
import type { OutputShare } from './output-share.ts';
import type { RenderSpeeds } from './render-speeds.ts';
import type { ScratchRoom } from './scratch-room.ts';

/** All that the attempts of one agent work with. Everything slow to find out is found out before the first one. */
export interface AttemptServices {
  readonly agentId: string;
  /** `work/`: each attempt has `<job>-<fence>/` in it, and removes only that. */
  readonly workFolder: string;
  readonly logsFolder: string;
  readonly mounts: Mounts;
  readonly cache: ContentCache;
  readonly share: OutputShare;
  readonly lookAtOutput: LookAtOutput;
  /** What is being read from the source shares now. */
  readonly underway: () => readonly UnderwayOperation[];
  readonly scratch: ScratchRoom;
  readonly ffmpeg: FfmpegInstall;
  /** From `ffprobeVersion`: part of what is remembered of a probed file. */
  readonly ffprobeVersion: string;
  /** What this PC encodes with, for a frame size; undefined when it cannot. */
  readonly encoderFor: (enable4k: boolean, gpuIndex?: number) => Omit<EncoderChoice, 'profile'> | undefined;
  readonly speeds: RenderSpeeds;
  readonly segments: SegmentStore;
  readonly concurrency: {
    readonly copy: number;
    readonly probe: number;
    /** Left out: as many as were measured to pay. */
    readonly segments?: number | undefined;
  };
  /** Where failed attempts leave their work folder when their job asks for it. @default nowhere */
  readonly keptWork?: KeptWork;
  /** Resolves when what had to make way for a job has ended. @default nothing ever has to */
  readonly placeFree?: () => Promise<void>;
  readonly fetchLane: FetchLane;
  /** What copying from the shares brings here; 0: not measured yet. @default not known */
  readonly copyBytesPerSecond?: () => number;
  /** Uploads: one at a time on a host. */
  readonly tailLane: Gate;
  /** The job that is fetched ahead just now, for Step 0 of the log. */
  readonly announcedJob: () => string | undefined;
  /** Steady, in milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds since the epoch, for log lines. */
  readonly wallMs: () => number;
  readonly onTrouble: (message: string, error?: unknown) => void;
}
