import type { Placement } from './placement.ts';
import type { Before } from './replay.ts';
import { runningText } from './running-text.ts';
import type { PlannedAgent } from './snapshot.ts';
import { countText, ratioText, spanText, toldMs } from './words.ts';

/** How good forecasts of one class of work were on an agent: time that renders took, relative to what was predicted. */
export interface ForecastError {
  readonly workClass: string;
  /** Renders that were compared. */
  readonly runs: number;
  readonly median: number;
  readonly p90: number;
}

/** One sentence: what the expected start and end of a planned job rest on. */
export function basisOf(
  { startsInMs, limit }: Placement,
  agent: PlannedAgent,
  { given }: Before,
  errors: string,
): string {
  if (startsInMs === 0) return errors;
  const before = given.reduce((sum, { startsInMs: start, endsInMs: end }) => sum + end - start, 0);
  const shown = [
    ...(agent.running.length === 0 ? [] : [`${agent.agentId} renders ${runningText(agent)}`]),
    ...(given.length === 0
      ? []
      : [
          `${countText(given.length, 'job')} before it, in all about ${spanText(toldMs(before))} by its speed`,
        ]),
  ].join('; ');
  const limited = limit === undefined ? '' : `the ${limit} is reached until a job ends; `;
  return `${limited}${shown === '' ? '' : `${shown}; `}${errors}`;
}

/** One sentence: how far forecasts of this agent can be trusted. */
export function errorText(agentId: string, workClass: string, error: ForecastError | undefined): string {
  if (error === undefined || error.runs === 0)
    return `no ${workClass} render of ${agentId} was compared with its forecast yet`;
  const { runs, median, p90 } = error;
  if (runs === 1) return `the last ${workClass} render of ${agentId} took ${offText(median)}`;
  const renders = `the last ${runs} ${workClass} renders of ${agentId}`;
  return `${renders} took ${offText(median)} in the median, nine in ten at most ${offText(p90)}`;
}

/** `12 % longer than predicted`. */
function offText(ratio: number): string {
  const percent = Math.round((ratio - 1) * 100);
  if (percent === 0) return 'as long as predicted';
  if (percent >= 200) return `${ratioText(ratio)} times as long as predicted`;
  return `${Math.abs(percent)} % ${percent > 0 ? 'longer' : 'shorter'} than predicted`;
}
