import { MultiBar, type SingleBar } from 'cli-progress';
import type { RenderfarmError } from '../errors.ts';
import { hasEnded, type JobChange, type JobView } from '../views.ts';
import { safeText } from './format.ts';
import { changeLine, problemLines, stateText } from './job-lines.ts';
import { jsonLine } from './json-lines.ts';
import { isInteractive, note, say, type Terminal } from './terminal.ts';

/** How a watch is shown. */
export interface ChangeView {
  show(change: JobChange): void;
  /** The connection broke and is tried again. */
  readonly interrupted: (error: RenderfarmError) => void;
  /** Leaves the terminal as it was. Idempotent. */
  stop(): void;
}

/** More bars than this do not fit on a screen. */
const barsMax = 20;

/** Bars on a terminal for a few named jobs, JSON lines where asked for, plain lines otherwise. */
export function changeView(terminal: Terminal, jobIds: readonly string[]): ChangeView {
  if (terminal.json) return jsonView(terminal);
  const fits = jobIds.length > 0 && jobIds.length <= barsMax;
  return fits && isInteractive(terminal) ? barView(terminal) : lineView(terminal);
}

function jsonView(terminal: Terminal): ChangeView {
  return {
    show: ({ job, news }) => say(terminal, jsonLine({ event: 'job', job, news })),
    interrupted: ({ code, message }) => note(terminal, jsonLine({ event: 'interrupted', code, message })),
    stop: () => undefined,
  };
}

function lineView(terminal: Terminal): ChangeView {
  const shown = new Map<string, string>();
  return {
    show: (change) => {
      const { job } = change;
      const mark = markOf(job);
      const before = shown.get(job.jobId);
      if (before === mark && change.news.length === 0) return;
      if (hasEnded(job.state)) shown.delete(job.jobId);
      else shown.set(job.jobId, mark);
      // The first message brings the job's whole history.
      say(terminal, changeLine(before === undefined ? { job, news: [] } : change));
      for (const line of problemLines(job)) say(terminal, line);
    },
    interrupted: (error) => note(terminal, interruption(error)),
    stop: () => undefined,
  };
}

/** What makes a new line worth it: another state, agent or reason, or ten percent more. */
function markOf(job: JobView): string {
  return [job.state, job.agentId, job.reason, Math.floor(job.progressPercent / 10)].join(' ');
}

function barView(terminal: Terminal): ChangeView {
  const bars = new Map<string, SingleBar>();
  const ended: JobView[] = [];
  const multi = new MultiBar({
    stream: terminal.stderr,
    format: '{job} {bar} {value}%  {state}',
    barsize: 20,
    hideCursor: true,
    clearOnComplete: false,
    // Signals are main.ts's.
    gracefulExit: false,
    emptyOnZero: true,
    autopadding: true,
  });
  let isStopped = false;
  return {
    show: ({ job }) => {
      const payload = { job: job.jobId.slice(0, 8), state: safeText(stateText(job)).slice(0, 60) };
      const bar = bars.get(job.jobId) ?? multi.create(100, 0, payload);
      bars.set(job.jobId, bar);
      bar.update(job.progressPercent, payload);
      if (hasEnded(job.state)) ended.push(job);
    },
    interrupted: (error) => {
      multi.log(`${interruption(error)}\n`);
      // What is logged is kept until the next drawing, and stop() draws without it.
      multi.update();
    },
    stop: () => {
      if (isStopped) return;
      isStopped = true;
      multi.stop();
      for (const job of ended) {
        say(terminal, changeLine({ job, news: [] }));
        for (const line of problemLines(job)) say(terminal, line);
      }
    },
  };
}

function interruption(error: RenderfarmError): string {
  return safeText(`connection lost, trying again: ${error.message} [${error.code}]`);
}
