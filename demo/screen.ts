import { MultiBar, type SingleBar } from 'cli-progress';
import { safeText } from '../client/cli/format.ts';
import { stateText } from '../client/cli/job-lines.ts';
import type { JobChange, TimelineView } from '../client/views.ts';
import type { DemoJob } from './jobs.ts';

/** Where the demo tells what happens: live bars on a terminal, plain lines otherwise. */
export interface Screen {
  /** A line of the story, with the time since the beginning. */
  say(line: string): void;
  /** A line as it is. */
  print(line: string): void;
  /** A job as it is now; what is new in its timeline is told once. */
  show(job: DemoJob, change: JobChange): void;
  /** Leaves the terminal as it was. Idempotent. */
  stop(): void;
}

export interface ScreenOptions {
  readonly stdout: NodeJS.WriteStream;
  /** Bars: a terminal that can move its cursor. */
  readonly bars: boolean;
}

export function openScreen({ stdout, bars }: ScreenOptions): Screen {
  const startedAt = performance.now();
  const clock = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  `;
  const view = bars ? barView(stdout) : lineView(stdout);
  const told = new Set<string>();
  return {
    say: (line) => view.line(`${clock()}${line}`),
    print: view.line,
    show(job, change) {
      for (const entry of change.news) {
        const line = storyLine(job, entry);
        const key = `${job.input.jobId} ${entry.at.getTime()} ${line ?? ''}`;
        if (line === undefined || told.has(key)) continue;
        told.add(key);
        view.line(`${clock()}${line}`);
      }
      view.progress(job, change, clock);
    },
    stop: view.stop,
  };
}

interface View {
  readonly line: (text: string) => void;
  readonly progress: (job: DemoJob, change: JobChange, clock: () => string) => void;
  readonly stop: () => void;
}

/** The entries of a timeline that make the story, in words for somebody who sees it for the first time. */
function storyLine(
  { name }: DemoJob,
  { what, detail = '', agentId = 'no agent' }: TimelineView,
): string | undefined {
  const words: Readonly<Record<string, string>> = {
    announced: `${name}: ANNOUNCED to ${agentId}, which fetches its files now (${detail})`,
    prefetched: `${name}: PREFETCHED by ${agentId} (${detail})`,
    'prefetch-failed': `${name}: prefetch on ${agentId} foresees trouble (${detail})`,
    started: `${name}: encoding on ${agentId} (${detail})`,
    requeued: `${name}: back in its queue (${detail})`,
    published: `${name}: published`,
    cancelled: `${name}: cancelled (${detail})`,
    failed: `${name}: FAILED: ${detail}`,
    quarantined: `${name}: quarantined: ${detail}`,
  };
  const line = words[what];
  return line === undefined ? undefined : safeText(line);
}

/** A plain line for every so many percent. */
const percentStep = 25;

function lineView(stdout: NodeJS.WriteStream): View {
  const shown = new Map<string, number>();
  const line = (text: string): void => void stdout.write(`${text}\n`);
  return {
    line,
    progress({ name }, { job }, clock) {
      const step = Math.floor(job.progressPercent / percentStep);
      if (step <= (shown.get(job.jobId) ?? 0) || job.state !== 'running') return;
      shown.set(job.jobId, step);
      line(`${clock()}${safeText(`${name}: ${stateText(job)}`)}`);
    },
    stop: () => undefined,
  };
}

/** What a terminal that does not tell its width is taken for. */
const columnsUnknown = 100;

function barView(stdout: NodeJS.WriteStream): View {
  const bars = new Map<string, SingleBar>();
  const multi = new MultiBar({
    stream: stdout,
    format: '{name} {bar} {value}%  {state}',
    barsize: 24,
    barCompleteChar: '#',
    barIncompleteChar: '.',
    hideCursor: true,
    // Signals are main.ts's.
    gracefulExit: false,
    emptyOnZero: true,
    autopadding: true,
  });
  let isStopped = false;
  return {
    line: (text) => {
      // Before its first bar a MultiBar keeps what it logs to itself.
      if (isStopped || bars.size === 0) stdout.write(`${text}\n`);
      else multi.log(`${text}\n`);
    },
    progress({ name }, { job }) {
      if (isStopped) return;
      const room = Math.max(10, (stdout.columns || columnsUnknown) - 60);
      const payload = { name: name.padEnd(16), state: safeText(stateText(job)).slice(0, room) };
      const bar = bars.get(job.jobId) ?? multi.create(100, 0, payload);
      bars.set(job.jobId, bar);
      bar.update(job.progressPercent, payload);
    },
    stop: () => {
      if (!isStopped) multi.stop();
      isStopped = true;
    },
  };
}
