import { remainingMs } from './forecast.ts';
import type { PlannedAgent } from './snapshot.ts';
import { spanText } from './words.ts';

/**
 * Whose end is waited for on a busy agent: `job j1, about 7 min left by its agent's word`, or
 * `2 jobs, the first to end is job j1, ...`.
 * The plan has all of them.
 */
export function runningText(agent: PlannedAgent): string {
  const ends = agent.running.map((attempt) => ({ attempt, ms: remainingMs(agent, attempt) }));
  const [first] = ends.sort((a, b) => a.ms - b.ms);
  if (first === undefined) return 'nothing';
  const { jobId, stopping, etaMs } = first.attempt;
  const basis = etaMs === undefined ? "by its agent's speed" : "by its agent's word";
  const left = stopping ? 'is being stopped' : `about ${spanText(first.ms)} left ${basis}`;
  const count = ends.length === 1 ? '' : `${ends.length} jobs, the first to end is `;
  return `${count}job ${jobId}, ${left}`;
}
