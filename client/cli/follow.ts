import type { RenderfarmClient } from '../renderfarm-client.ts';
import { hasEnded, type JobState } from '../views.ts';
import type { WatchOptions } from '../watch.ts';
import { changeView } from './change-view.ts';
import { type ExitCode, exitCodeOfJobs } from './exit-codes.ts';
import { note, type Terminal } from './terminal.ts';

/**
 * Shows what happens to jobs until all that are named have ended, or for ever where none is. Ctrl-C stops the watching,
 * never the jobs.
 */
export async function follow(
  client: RenderfarmClient,
  terminal: Terminal,
  what: Pick<WatchOptions, 'jobIds' | 'userId'>,
): Promise<ExitCode> {
  const jobIds = what.jobIds ?? [];
  const view = changeView(terminal, jobIds);
  const ended = new Map<string, JobState>();
  try {
    const options = { ...what, signal: terminal.signal, onInterruption: view.interrupted };
    for await (const change of client.watch(options)) {
      view.show(change);
      if (hasEnded(change.job.state)) ended.set(change.job.jobId, change.job.state);
    }
  } catch (error) {
    if (terminal.signal.aborted)
      sayGoesOn(
        view,
        terminal,
        jobIds.filter((id) => !ended.has(id)),
      );
    throw error;
  } finally {
    view.stop();
  }
  return exitCodeOfJobs([...ended.values()]);
}

function sayGoesOn(view: { stop(): void }, terminal: Terminal, jobIds: readonly string[]): void {
  view.stop();
  if (terminal.json || jobIds.length === 0) return;
  const subject = jobIds.length === 1 ? 'the job goes on' : 'the jobs go on';
  note(terminal, `Stopped watching; ${subject}. To follow again: renderfarm watch ${jobIds.join(' ')}`);
}
