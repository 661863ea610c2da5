import type { Effect } from '../../agent/core/effects.ts';
import type { AttemptReport, Input } from '../../agent/core/inputs.ts';
import type { JournalState } from '../../agent/core/journal-fold.ts';
import { applyRecord, emptyJournal } from '../../agent/core/journal-fold.ts';
import type { JournalRecord } from '../../agent/core/journal-records.ts';
import { recover } from '../../agent/core/recover.ts';
import type { CoreSettings, CoreState } from '../../agent/core/state.ts';
import { defaultCoreFigures } from '../../agent/core/state.ts';
import type { StepResult } from '../../agent/core/step.ts';
import { step } from '../../agent/core/step.ts';
import type {
  Announce,
  Assign,
  ControllerMessage,
  FinishedOutcome,
  JobRef,
  Manifest,
  Usage,
  Welcome,
} from '../../proto/index.ts';
import { inventory } from './agent-messages.ts';

export const usage: Usage = {
  copiedFiles: 1,
  copiedBytes: 10,
  reusedFiles: 0,
  reusedBytes: 0,
  segmentsRendered: 1,
  segmentsReused: 0,
  framesEncoded: 30,
  runMs: 1_000,
  waitedForSharesMs: 0,
};

export const manifest: Manifest = {
  fileName: 'C_job.mp4',
  sizeBytes: 100,
  durationMs: 1_000,
  frames: 30,
  sha256: 'ab',
  features: [],
};

export function jobRef(jobId: string, counter: number, term = 1): JobRef {
  return { jobId, fence: { term, counter } };
}

export function assignment(ref: JobRef, changes: Partial<Assign> = {}): Assign {
  const output = '\\\\nas\\Out';
  return {
    kind: 'assign',
    ref,
    attemptNumber: 1,
    job: {
      jobId: ref.jobId,
      userId: 'u1',
      username: 'anna',
      channelName: 'C',
      enable4k: false,
      queue: 'default_queue',
      priority: 'normal',
      submittedAtMs: 0,
      logDate: '2026-01-31',
      timeZone: 'Europe/Berlin',
      rateProfile: 'studio',
      items: [{ position: 0, itemType: 'video', path: '\\\\nas\\Clips\\a.mp4' }],
    },
    resolution: { queryMs: 3, found: 1, missing: [], resolvedAtMs: 0 },
    output: {
      folder: output,
      stagingFolder: `${output}\\.renderfarm\\${ref.jobId}-${ref.fence.term}.${ref.fence.counter}`,
      finalName: `C_${ref.jobId}.mp4`,
    },
    limits: { softRunMs: 10_000, hardRunMs: 12_000, stallMs: 60_000, startStallMs: 120_000 },
    ...changes,
  };
}

/** A hint of a job. */
export function announcement(jobId: string): Announce {
  return { kind: 'announce', announcementId: 'n1', jobId, channelName: 'C', items: [] };
}

/** The answer of a core that does not take the job; undefined: it takes it. */
export function declineOf(core: CoreDriver, ref: JobRef) {
  const reply = sent(core.receive(assignment(ref)))[0];
  if (reply?.kind !== 'assignment-reply') throw new Error(`the core has not answered but ${reply?.kind}`);
  return reply.accepted ? undefined : reply;
}

export function welcome(changes: Partial<Welcome> = {}): Welcome {
  return {
    kind: 'welcome',
    farmId: 'farm',
    term: 1,
    leaderId: 'leader',
    sessionId: 's',
    protocolVersion: 1,
    heartbeatMs: 5_000,
    progressMinMs: 1_000,
    progressMaxMs: 30_000,
    ackedEvent: 0,
    verdicts: [],
    ...changes,
  };
}

export const failed: FinishedOutcome = {
  outcome: 'failed',
  failureClass: 'job',
  message: 'FFmpeg failed with return code 1',
  problems: [],
  stderrTail: [],
  usage,
};

/** A core whose clock, link and journal are in the test's hand. */
export class CoreDriver {
  state: CoreState;
  journal: JournalState = emptyJournal('j1');
  nowMs = 1_000_000;
  linkId = 0;
  readonly records: JournalRecord[] = [];
  /** Everything that was done, in order. */
  readonly effects: Effect[] = [];

  constructor(settings: Partial<CoreSettings> = {}, journal?: JournalState) {
    if (journal !== undefined) this.journal = journal;
    const all: CoreSettings = {
      ...defaultCoreFigures,
      agentId: 'pc1',
      instanceId: 'i1',
      softwareVersion: '0',
      slots: 1,
      ...settings,
    };
    const first = recover(all, inventory({ slots: all.slots }), this.journal, this.nowMs);
    this.state = first.state;
    this.#take(first);
  }

  input(input: Input): readonly Effect[] {
    return this.#take(step(this.state, input, this.nowMs));
  }

  attach(changes: Partial<Welcome> = {}): readonly Effect[] {
    this.linkId += 1;
    return [
      ...this.input({ type: 'link-opened', linkId: this.linkId }),
      ...this.receive(welcome({ ackedEvent: this.journal.acked, ...changes })),
    ];
  }

  receive(message: ControllerMessage): readonly Effect[] {
    return this.input({ type: 'received', linkId: this.linkId, message });
  }

  report(ref: JobRef, report: AttemptReport): readonly Effect[] {
    return this.input({ type: 'attempt', ref, report });
  }

  tick(ms: number): readonly Effect[] {
    this.nowMs += ms;
    return this.input({ type: 'tick' });
  }

  /** Takes an attempt to `ready`. */
  render(ref: JobRef): void {
    this.receive(assignment(ref));
    this.report(ref, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 30 });
    this.report(ref, { type: 'encoded' });
    this.report(ref, { type: 'staged', manifest, usage });
  }

  #take(result: StepResult): readonly Effect[] {
    this.state = result.state;
    this.records.push(...result.records);
    this.journal = result.records.reduce(applyRecord, this.journal);
    this.effects.push(...result.effects);
    return result.effects;
  }
}

/** The messages that were sent among these effects. */
export function sent(effects: readonly Effect[]) {
  return effects.flatMap((effect) => (effect.type === 'send' ? effect.message : []));
}

export function ofType<T extends Effect['type']>(effects: readonly Effect[], type: T) {
  return effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type);
}
