import { workClassOf } from '../../../proto/agent-link.ts';
import type { AgentRecord, AttemptRecord } from '../../domain/attempt.ts';
import type { ForecastErrorView } from '../explanations.ts';
import type { Ending } from './ending.ts';
import type { Ledger } from './ledger.ts';
import { attemptKey } from './state.ts';

/** Renders that are remembered of each class of work. */
const ratiosMax = 20;
/** Below this a forecast says nothing about longer ones. */
const predictedMinMs = 10_000;

/** Remembers how far the forecast of a render was wrong: its time by its agent's word, over what was predicted. */
export function noteForecastError(
  ledger: Ledger,
  attempt: AttemptRecord,
  { outcome }: Pick<Ending, 'outcome'>,
): void {
  const { predictedMs, finished } = attempt;
  const agent = ledger.state.agents.get(attempt.agentId);
  const job = ledger.state.jobs.get(attempt.jobId);
  if (outcome !== 'published' || finished === undefined || agent === undefined || job === undefined) return;
  if (predictedMs === undefined || predictedMs < predictedMinMs) return;
  // Others have rendered a part of it: how long it took says nothing of this agent.
  if ((ledger.state.assist.jobs.get(attemptKey(attempt))?.doneBy.size ?? 0) > 0) return;
  const ratio = Math.max(0, finished.usage.runMs - finished.usage.waitedForSharesMs) / predictedMs;
  const workClass = workClassOf(job);
  const before = agent.forecastRatios?.[workClass] ?? [];
  const ratios = [...before, Math.round(ratio * 1000) / 1000].slice(-ratiosMax);
  ledger.putAgent({ ...agent, forecastRatios: { ...agent.forecastRatios, [workClass]: ratios } });
}

/** How good forecasts of an agent were, by class of work. */
export function forecastErrors(
  agent: Pick<AgentRecord, 'forecastRatios'> | undefined,
): readonly ForecastErrorView[] {
  return Object.entries(agent?.forecastRatios ?? {}).map(([workClass, ratios]) => ({
    workClass,
    runs: ratios.length,
    median: percentile(ratios, 0.5),
    p90: percentile(ratios, 0.9),
  }));
}

export function forecastErrorOf(
  agent: Pick<AgentRecord, 'forecastRatios'> | undefined,
  workClass: string,
): ForecastErrorView | undefined {
  return forecastErrors(agent).find((error) => error.workClass === workClass);
}

/** So many renders must have been compared with their forecasts before their spread means anything. */
const ratiosMin = 5;
/** Before that a forecast may be wrong by as much. A guess: a test encode is faster than a whole job. */
const p90Guess = 1.5;

/** Time that one in ten renders exceeds, relative to what was predicted. */
export function p90Of(ratios: readonly number[] = []): number {
  if (ratios.length < ratiosMin) return p90Guess;
  return percentile(ratios, 0.9);
}

/** The smallest of the values that so large a share of them does not exceed. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
