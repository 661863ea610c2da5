import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type FairTimer, startFairTimer } from '../process/fair-timer.ts';
import type { Pace, Speed } from './pace.ts';
import type { SetSpeed, ShareReply, ShareRequest, ShareResults } from './share-protocol.ts';

/** How to start a share child; in the single executable it is that executable with a word of ours. */
export interface ShareChildCommand {
  readonly file: string;
  readonly args: readonly string[];
}

export interface AskOptions {
  readonly signal: AbortSignal;
  /** No byte and no answer for this long ends the operation and the child. */
  readonly silenceMs: number;
  /** Bytes that the operation has read so far. */
  readonly onBytes?: (bytes: number) => void;
  /** How fast it may go. While it is paused, silence is none. @default full */
  readonly pace?: Pace;
}

/**
 * Why a share operation failed: the system's code (`ENOENT`, `EIO`, ...), or ours: `SHARE_STALLED` (no byte for too
 * long), `SHARE_CHILD_DIED`, `SOURCE_CHANGED`, `SOURCE_GROWS` (larger or newer than before), `NOT_A_FILE`, `PATH_ESCAPES_SHARE`.
 */
export class ShareOperationError extends Error {
  override readonly name = 'ShareOperationError';
  readonly code: string;
  /** Which file it is about: the one that was read, or the copy. */
  readonly side: 'source' | 'target';

  constructor(code: string, message: string, side: 'source' | 'target' = 'source') {
    super(message);
    this.code = code;
    this.side = side;
  }
}

/** One share child: asked one thing at a time. */
export interface ShareChild {
  ask<Op extends ShareRequest['op']>(
    request: Extract<ShareRequest, { readonly op: Op }>,
    options: AskOptions,
  ): Promise<ShareResults[Op]>;
  /** False once it was ended or died: it may not be asked again. */
  usable(): boolean;
  /** Ends it when nobody asks for this long. */
  rest(idleMs: number): void;
  /** Kills it, and waits until it is gone, at most `goneMs`: a process in a hung call cannot even be killed. */
  end(): Promise<void>;
  readonly closed: Promise<void>;
}

const goneMs = 2000;
const stderrCharsMax = 2048;

export function startShareChild(command: ShareChildCommand): ShareChild {
  const child = spawn(command.file, command.args, { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
  let stderr = '';
  let idleTimer: NodeJS.Timeout | undefined;
  const wire: Wire = {
    alive: true,
    send: (request) => void child.stdin.write(`${JSON.stringify(request)}\n`),
    answer: undefined,
  };

  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrCharsMax);
  });
  // Its death is told by 'close'; a broken pipe says nothing more.
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (line) =>
    wire.answer?.(JSON.parse(line) as ShareReply),
  );
  const closed = new Promise<void>((resolve) => {
    const gone = (message: string): void => {
      wire.alive = false;
      clearTimeout(idleTimer);
      wire.answer?.({ type: 'died', message });
      resolve();
    };
    child.once('error', (error) => gone(error.message));
    child.once('close', (code, signalName) =>
      gone(`it ended with ${signalName ?? code ?? 'no code'}: ${stderr}`),
    );
  });

  const end = async (): Promise<void> => {
    wire.alive = false;
    clearTimeout(idleTimer);
    child.kill('SIGKILL');
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([closed, new Promise<void>((resolve) => (timer = setTimeout(resolve, goneMs)))]);
    clearTimeout(timer);
    // Should it hang for good, it must not keep the agent from ending.
    child.unref();
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
  };

  return {
    closed,
    end,
    usable: () => wire.alive,
    rest(idleMs) {
      idleTimer = setTimeout(() => void end(), idleMs);
      idleTimer.unref();
    },
    async ask(request, options) {
      clearTimeout(idleTimer);
      try {
        return await converse(wire, request, options);
      } catch (error) {
        // Whatever it was doing must not go on: only a child that answered is known to be idle.
        if (!(error instanceof ShareOperationError) || error.code.startsWith('SHARE_')) await end();
        throw error;
      }
    },
  };
}

interface Wire {
  alive: boolean;
  readonly send: (request: ShareRequest | SetSpeed) => void;
  answer: ((reply: ShareReply | { readonly type: 'died'; readonly message: string }) => void) | undefined;
}

async function converse<Op extends ShareRequest['op']>(
  wire: Wire,
  request: Extract<ShareRequest, { readonly op: Op }>,
  { signal, silenceMs, onBytes, pace }: AskOptions,
): Promise<ShareResults[Op]> {
  signal.throwIfAborted();
  if (!wire.alive) throw new ShareOperationError('SHARE_CHILD_DIED', 'it ended before it was asked');
  const { promise, resolve, reject } = Promise.withResolvers<ShareResults[Op]>();
  const silence = watchSilence(silenceMs, () => {
    reject(new ShareOperationError('SHARE_STALLED', `no byte for ${silenceMs / 1000} s`));
  });
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  wire.answer = (reply) => {
    silence.refresh();
    if (reply.type === 'bytes') onBytes?.(reply.bytes);
    else if (reply.type === 'done') resolve(reply.result as ShareResults[Op]);
    else if (reply.type === 'died') reject(new ShareOperationError('SHARE_CHILD_DIED', reply.message));
    else reject(new ShareOperationError(reply.code, reply.message, reply.side));
  };
  wire.send(request);
  const follow = (speed: Speed): void => {
    wire.send({ op: 'set-speed', speed });
    silence.pause(speed === 'paused');
  };
  const unfollow = pace === undefined ? undefined : followPace(pace, follow);
  try {
    return await promise;
  } finally {
    unfollow?.();
    wire.answer = undefined;
    silence.stop();
    signal.removeEventListener('abort', abort);
  }
}

/** Tells each speed that is another one than before; an operation begins at full. */
function followPace(pace: Pace, tell: (speed: Speed) => void): () => void {
  let told: Speed = 'full';
  const look = (): void => {
    const speed = pace.now();
    if (speed === told) return;
    told = speed;
    tell(speed);
  };
  look();
  return pace.onChange(look);
}

function watchSilence(
  ms: number,
  onSilence: () => void,
): { refresh(): void; pause(isPaused: boolean): void; stop(): void } {
  let timer: FairTimer | undefined = startFairTimer(ms, onSilence);
  const stop = (): void => {
    timer?.stop();
    timer = undefined;
  };
  return {
    stop,
    refresh: () => timer?.refresh(),
    pause(isPaused) {
      if (isPaused) stop();
      else timer ??= startFairTimer(ms, onSilence);
    },
  };
}
