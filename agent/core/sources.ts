import type { AskSources, SourcesReport } from '../../proto/agent-link.ts';
import type { KnownSources } from './state.ts';
import type { Turn } from './turn.ts';
import { send } from './turn.ts';

/** Asks that may wait: a planner that looks ahead at 200 jobs asks for no more. */
const asksMax = 256;
/** Jobs whose sources are remembered, for the answer to their assignment. */
const knownMax = 1_000;

/** What a look at a job's sources and segments came to. */
export type FoundSources = KnownSources & Pick<SourcesReport, 'presentOutputMs' | 'message'>;

/** Looks at one job's sources after the other: asks are no hurry, and shares have more to do. */
export function sourcesAsked(turn: Turn, ask: AskSources): void {
  const { asks, shutdown } = turn.state;
  const [underWay, ...waiting] = asks;
  const others = waiting.filter(({ jobId }) => jobId !== ask.jobId);
  const refusal =
    (shutdown === undefined ? undefined : 'shutting down') ??
    (others.length < asksMax ? undefined : `${asksMax} asks are waiting`);
  if (refusal !== undefined) {
    answer(turn, ask.jobId, { totalBytes: 0, presentBytes: 0, presentOutputMs: 0, message: refusal });
    return;
  }
  turn.state = { ...turn.state, asks: [...(underWay === undefined ? [] : [underWay]), ...others, ask] };
  if (underWay === undefined) turn.effects.push({ type: 'look-at-sources', ask });
}

export function sourcesFound(turn: Turn, jobId: string, found: FoundSources): void {
  const [, ...waiting] = turn.state.asks;
  turn.state = { ...turn.state, asks: waiting };
  remember(turn, jobId, found);
  answer(turn, jobId, found);
  const [next] = waiting;
  if (next !== undefined) turn.effects.push({ type: 'look-at-sources', ask: next });
}

/** What is known of a job's sources, and nothing of it is older than the last word. */
export function remember(turn: Turn, jobId: string, known: KnownSources): void {
  const { totalBytes, presentBytes, presentSegments } = known;
  if (totalBytes === 0) return;
  const sources = new Map(turn.state.sources);
  sources.delete(jobId);
  sources.set(jobId, { totalBytes, presentBytes, presentSegments });
  for (const [oldest] of sources) {
    if (sources.size <= knownMax) break;
    sources.delete(oldest);
  }
  turn.state = { ...turn.state, sources };
}

/** The job is here: what it has is its own affair. */
export function forgetSources(turn: Turn, jobId: string): void {
  const sources = new Map(turn.state.sources);
  sources.delete(jobId);
  turn.state = { ...turn.state, sources };
}

/** The stream that they came on is over: whoever leads now asks again. */
export function forgetAsks(turn: Turn): void {
  turn.state = { ...turn.state, asks: turn.state.asks.slice(0, 1) };
}

function answer(turn: Turn, jobId: string, found: Omit<FoundSources, 'presentSegments'>): void {
  const { totalBytes, presentBytes, presentOutputMs, message } = found;
  send(turn, {
    ...{ kind: 'sources-report', jobId, totalBytes, presentBytes, presentOutputMs },
    ...(message === undefined ? {} : { message }),
  });
}
