import { fileURLToPath } from 'node:url';
import { openGate } from './gate.ts';
import { mayGo, type Pace } from './pace.ts';
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
export interface ShareCallOptions extends Partial<AskOptions> {
  /** It waits for no other operation, but until its pace lets it go: those who are ahead must not stand in a job's way. */
  readonly isAhead?: boolean;
}

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
  /** Why it is silent, where that is known. */
  readonly why?: string;
}

/** Starts no process yet: the first call does. */
export function createShareOperations(options: ShareOperationsOptions = {}): ShareOperations {
  const { command = sourceCommand(), concurrency = 5, silenceMs = 60_000, idleMs = 5000, warm = 2 } = options;
  const gate = openGate(concurrency);
  const looks = openGate(Math.max(1, warm));
  const children = createChildren(command, { idleMs, warm });
  const marks = new Set<Mark>();
  const stopping = new AbortController();

  const enter = async (
    { op }: ShareRequest,
    { isAhead, pace }: ShareCallOptions,
    signal: AbortSignal,
  ): Promise<() => void> => {
    if (isAhead === true && pace !== undefined) {
      await mayGo(pace, signal);
      return () => undefined;
    }
    const leaveLooks = op === 'examine' ? await looks.enter(signal) : undefined;
    const leave = await gate.enter(signal).catch((error: unknown) => {
      leaveLooks?.();
      throw error;
    });
    return () => {
      leave();
      leaveLooks?.();
    };
  };

  return {
    async call(request, call = {}) {
      const signal = AbortSignal.any([stopping.signal, ...(call.signal === undefined ? [] : [call.signal])]);
      const leave = await enter(request, call, signal);
      const mark = createMark(pathOf(request), call.pace);
      marks.add(mark);
      try {
        const child = children.take();
        try {
          return await child.ask(request, {
            ...{ silenceMs, ...call, signal },
            onBytes(bytes) {
              mark.heardAt = performance.now();
              call.onBytes?.(bytes);
            },
          });
        } finally {
          if (child.usable()) children.putBack(child);
        }
      } finally {
        mark.stop();
        marks.delete(mark);
        leave();
      }
    },
    underway: () => {
      const now = performance.now();
      return moving(marks).map(({ path, heardAt }) => ({ path, silentMs: now - heardAt }));
    },
    oldestOperationMs: () => {
      const oldest = Math.min(...moving(marks).map((mark) => mark.at));
      return Number.isFinite(oldest) ? Math.round(performance.now() - oldest) : 0;
    },
    async stop() {
      stopping.abort(new Error('the agent stops'));
      await children.endAll();
    },
  };
}

interface Children {
  take(): ShareChild;
  putBack(child: ShareChild): void;
  endAll(): Promise<unknown>;
}

function createChildren(
  command: ShareChildCommand,
  { idleMs, warm }: { readonly idleMs: number; readonly warm: number },
): Children {
  const idle: ShareChild[] = [];
  const all = new Set<ShareChild>();
  return {
    take() {
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
    },
    putBack(child) {
      // Taken from the end: those at the front stay.
      if (idle.length >= warm) child.rest(idleMs);
      idle.push(child);
    },
    endAll: () => Promise.all([...all].map((child) => child.end())),
  };
}

interface Mark {
  readonly path: string;
  at: number;
  heardAt: number;
  isPaused: boolean;
  stop(): void;
}

/** A pause is no waiting for the share: behind it the time counts anew. */
function createMark(path: string, pace: Pace | undefined): Mark {
  const at = performance.now();
  const mark: Mark = { at, heardAt: at, path, isPaused: false, stop: () => undefined };
  const look = (): void => {
    const isPaused = pace?.now() === 'paused';
    if (mark.isPaused && !isPaused) mark.at = mark.heardAt = performance.now();
    mark.isPaused = isPaused;
  };
  look();
  return pace === undefined ? mark : Object.assign(mark, { stop: pace.onChange(look) });
}

function moving(marks: ReadonlySet<Mark>): readonly Mark[] {
  return [...marks].filter((mark) => !mark.isPaused);
}

function pathOf(request: ShareRequest): string {
  if ('path' in request) return request.path;
  if ('mountPath' in request) return request.mountPath;
  if ('root' in request) return request.root;
  return 'from' in request ? request.from : request.folder;
}

// Asked only when it is needed: in the single executable there is no such file.
function sourceCommand(): ShareChildCommand {
  return { file: process.execPath, args: [fileURLToPath(new URL('share-child-main.ts', import.meta.url))] };
}
