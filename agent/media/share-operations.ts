import { fileURLToPath } from 'node:url';
import { openGate } from './gate.ts';
import {
  type AskOptions,
  type ShareChild,
  type ShareChildCommand,
  startShareChild,
} from './share-process.ts';
import type { ShareRequest, ShareResults } from './share-protocol.ts';

export interface ShareOperationsOptions {
  /** @default this Node with share-child-main.ts */
  readonly command?: ShareChildCommand;
  /** Operations at a time, each in a child of its own; more wait. @default 5 (mission.md: copies) */
  readonly concurrency?: number;
  /** No byte and no answer for this long ends an operation and its child. @default 60,000 */
  readonly silenceMs?: number;
  /** A child that nobody needs is ended after this long. @default 5,000 */
  readonly idleMs?: number;
  /**
   * Children that are kept however long nobody needs them: a prefetched job must not wait for a process to start.
   * Looks at files (`examine`) run on so many at a time. @default 2
   */
  readonly warm?: number;
}

/** The silence limit is @default that of all operations. */
export type ShareCallOptions = Partial<AskOptions>;

/** File operations on shares, each in a child process, because a hung mount blocks the process that touches it. */
export interface ShareOperations {
  /** Resolves with the answer, or rejects with ShareOperationError, or with the signal's reason. */
  call<Op extends ShareRequest['op']>(
    request: Extract<ShareRequest, { readonly op: Op }>,
    options?: ShareCallOptions,
  ): Promise<ShareResults[Op]>;
  /** Age of the oldest operation under way, milliseconds; 0 when there is none. For the heartbeat. */
  oldestOperationMs(): number;
  /** What is being done now; what waits for its turn is not among it. */
  underway(): readonly UnderwayOperation[];
  /** Ends every child and fails what is under way. Idempotent. */
  stop(): Promise<void>;
}

export interface UnderwayOperation {
  /** The file or folder that it is about. */
  readonly path: string;
  /** Since its last byte, or its beginning. */
  readonly silentMs: number;
}

/** Starts no process yet: the first call does. */
export function createShareOperations(options: ShareOperationsOptions = {}): ShareOperations {
  const { command = sourceCommand(), concurrency = 5, silenceMs = 60_000, idleMs = 5000, warm = 2 } = options;
  const gate = openGate(concurrency);
  const looks = openGate(Math.max(1, warm));
  const idle: ShareChild[] = [];
  const all = new Set<ShareChild>();
  const marks = new Set<{ readonly at: number; readonly path: string; heardAt: number }>();
  const stopping = new AbortController();

  const take = (): ShareChild => {
    for (let known = idle.pop(); known !== undefined; known = idle.pop()) {
      if (known.usable()) return known;
    }
    const child = startShareChild(command);
    all.add(child);
    void child.closed.then(() => {
      all.delete(child);
      const index = idle.indexOf(child);
      if (index >= 0) idle.splice(index, 1);
    });
    return child;
  };

  const putBack = (child: ShareChild): void => {
    // Taken from the end: those at the front stay.
    if (idle.length >= warm) child.rest(idleMs);
    idle.push(child);
  };

  return {
    async call(request, call = {}) {
      const signal = AbortSignal.any([stopping.signal, ...(call.signal === undefined ? [] : [call.signal])]);
      const leaveLooks = request.op === 'examine' ? await looks.enter(signal) : undefined;
      const leave = await gate.enter(signal).catch((error: unknown) => {
        leaveLooks?.();
        throw error;
      });
      const at = performance.now();
      const mark = { at, heardAt: at, path: pathOf(request) };
      marks.add(mark);
      try {
        const child = take();
        try {
          return await child.ask(request, {
            ...{ silenceMs, ...call, signal },
            onBytes(bytes) {
              mark.heardAt = performance.now();
              call.onBytes?.(bytes);
            },
          });
        } finally {
          if (child.usable()) putBack(child);
        }
      } finally {
        marks.delete(mark);
        leave();
        leaveLooks?.();
      }
    },
    underway: () => {
      const now = performance.now();
      return [...marks].map(({ path, heardAt }) => ({ path, silentMs: now - heardAt }));
    },
    oldestOperationMs: () => {
      const oldest = Math.min(...[...marks].map((mark) => mark.at));
      return Number.isFinite(oldest) ? Math.round(performance.now() - oldest) : 0;
    },
    async stop() {
      stopping.abort(new Error('the agent stops'));
      await Promise.all([...all].map((child) => child.end()));
    },
  };
}

function pathOf(request: ShareRequest): string {
  if ('path' in request) return request.path;
  if ('mountPath' in request) return request.mountPath;
  return 'from' in request ? request.from : request.folder;
}

// Asked only when it is needed: in the single executable there is no such file.
function sourceCommand(): ShareChildCommand {
  return { file: process.execPath, args: [fileURLToPath(new URL('share-child-main.ts', import.meta.url))] };
}
