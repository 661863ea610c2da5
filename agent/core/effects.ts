import type {
  AgentMessage,
  Announce,
  Assign,
  FinishedOutcome,
  FinishPublish,
  JobRef,
  Manifest,
  OutputTarget,
} from '../../proto/agent-link.ts';

/**
 * What the shell does for the core. Effects leave in order, each behind the records of its own step; those for a
 * link that is no longer the current one are dropped.
 */
export type Effect =
  | { readonly type: 'send'; readonly linkId: number; readonly message: AgentMessage }
  /** The shell fills in load, disk and stalls. It waits for no record. */
  | {
      readonly type: 'heartbeat';
      readonly linkId: number;
      readonly sequence: number;
      readonly probeId?: string;
    }
  /** Ends the link and dials again, not before `afterMs`, first at `address`. */
  | {
      readonly type: 'reopen';
      readonly linkId: number;
      readonly reason: string;
      readonly afterMs: number;
      readonly address?: string;
    }
  | { readonly type: 'start-attempt'; readonly assign: Assign }
  | {
      readonly type: 'stop-attempt';
      readonly ref: JobRef;
      readonly mode: 'graceful' | 'kill';
      readonly graceMs: number;
      readonly reason: string;
    }
  | {
      readonly type: 'publish';
      readonly ref: JobRef;
      readonly output: OutputTarget;
      readonly manifest: Manifest;
    }
  | { readonly type: 'finish-publish'; readonly request: FinishPublish }
  | { readonly type: 'discard'; readonly ref: JobRef; readonly stagingFolder: string }
  /** The attempt is over: its folder under `work/` goes, its log gets its last lines and is sent. */
  | { readonly type: 'clean-up'; readonly assign: Assign; readonly finished: FinishedOutcome }
  | { readonly type: 'start-prefetch'; readonly announce: Announce }
  /** `assigned`: the attempt that was just started goes on with what is being copied. */
  | {
      readonly type: 'stop-prefetch';
      readonly announcementId: string;
      readonly jobId: string;
      readonly why: 'withdrawn' | 'assigned' | 'shutdown';
    }
  | { readonly type: 'alarm'; readonly code: string; readonly message: string }
  /** Everything is said: the process may end. */
  | { readonly type: 'exit' };
