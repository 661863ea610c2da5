import { performance } from 'node:perf_hooks';
import { execa } from 'execa';
import { endOnSignalOrTimeout } from './ending.ts';
import { drainOutput } from './output.ts';
import { lowerPriority } from './priority.ts';
import { type ProcessOptions, resolveProcessOptions } from './process-options.ts';
import type { ProcessCause, ProcessResult } from './process-result.ts';
import { groupGone, sweepProcessGroup } from './sweep.ts';
import { startWatchdog } from './watchdog.ts';

export type { ProcessOptions } from './process-options.ts';
export type { ProcessResult } from './process-result.ts';

/**
 * Runs one program to its end, in a process group of its own, without a shell, with both pipes always drained.
 * Resolves when the program is gone and so is whatever it left behind (within 5 s of its SIGKILL), also when it could not
 * start, was aborted, stalled or timed out: `cause` says which came first. Rejects only when a listener throws.
 *
 * Limit: a descendant that makes a session of its own escapes (FFmpeg and ffprobe do not).
 */
export async function runProcess(given: ProcessOptions): Promise<ProcessResult> {
  const options = resolveProcessOptions(given);
  if (options.signal?.aborted === true || options.force?.aborted === true) return notStarted('aborted');

  const startedAt = performance.now();
  const subprocess = execa(options.file, options.args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env,
    stdin: options.onStdin === undefined ? 'ignore' : 'pipe',
    buffer: false,
    encoding: 'buffer',
    reject: false,
    killDescendants: true,
    forceKillAfterDelay: options.graceMs,
    windowsHide: true,
  });

  const ending = endOnSignalOrTimeout(options, {
    terminate: () => subprocess.kill(),
    kill: () => subprocess.kill('SIGKILL'),
  });
  const watchdog = startWatchdog({
    stallMs: options.stallMs,
    startStallMs: options.startStallMs,
    onStall: () => ending.begin('stalled'),
  });
  const output = drainOutput(subprocess, options, {
    onAlive: () => watchdog.touch(),
    onListenerError: () => ending.begin('aborted'),
  });
  const { pid } = subprocess;
  const strike = pid === undefined ? undefined : options.book?.note(pid);
  const left = { something: false };
  if (pid !== undefined) {
    if (options.priority === 'below-normal') lowerPriority(pid);
    subprocess.nodeChildProcess.once('exit', () => {
      left.something = sweepProcessGroup(pid);
    });
    options.onSpawn(pid);
  }
  // What it no longer reads when it ends is no error of ours: its result tells why it ended.
  subprocess.stdin?.on('error', () => undefined);
  if (subprocess.stdin !== null) options.onStdin?.(subprocess.stdin, () => watchdog.touch());

  const result = await subprocess;
  strike?.();
  watchdog.stop();
  ending.release();
  if (pid === undefined) return notStarted('spawn-failed', result.originalMessage, result.code);
  output.end();
  if (left.something) await groupGone(pid);
  if (output.listenerError !== undefined) throw output.listenerError as Error;
  const cause = ending.cause() ?? 'exited';
  return {
    cause,
    succeeded: cause === 'exited' && result.exitCode === 0,
    exitCode: result.exitCode,
    signalName: result.signal,
    isForced: result.isForcefullyTerminated || ending.isForced(),
    spawnError: undefined,
    spawnErrorCode: undefined,
    stderrTail: output.stderrTail,
    stdout: output.stdout,
    stdoutCut: output.stdoutCut,
    durationMs: performance.now() - startedAt,
  };
}

function notStarted(cause: ProcessCause, spawnError?: string, spawnErrorCode?: string): ProcessResult {
  return {
    cause,
    succeeded: false,
    exitCode: undefined,
    signalName: undefined,
    isForced: false,
    spawnError,
    spawnErrorCode,
    stderrTail: [],
    stdout: '',
    stdoutCut: false,
    durationMs: 0,
  };
}
