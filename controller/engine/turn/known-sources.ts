import type { PrefetchReport, SourcesReport } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import { hasEnded } from '../../domain/job-states.ts';
import type { Placement } from '../../scheduling/placement.ts';
import type { PresentSources } from '../../scheduling/snapshot.ts';
import type { Ledger } from './ledger.ts';
import { livenessOf } from './planned-agent.ts';
import type { KnownSources, Presence } from './state.ts';

/** Name of the feature in an agent's Hello: it answers AskSources. */
export const sourcesFeature = 'sources';

/** Jobs that are next: of those behind them nobody needs to know yet who has their files. */
const jobsAskedMax = 8;
/** Who starts sooner is not worth a question. */
const startsSoonMs = 5_000;
/** Agents that are asked after one plan. */
const asksMax = 4;
/** No more are asked after one plan when what was asked has so many items: all paths of a job are encoded, 4,096 in 14 ms. */
const itemsAskedMax = 1_000;
/** An agent that has not answered for so long is asked about another job. */
const answerMs = 60_000;

/**
 * Asks agents what they have of the jobs that are next, one job at a time each: it decides where a job goes, and what
 * is left to fetch. Agents that do not know the question are not asked.
 */
export function askForSources(ledger: Ledger, placements: readonly Placement[]): void {
  const next = placements
    .filter(({ startsInMs }) => startsInMs > startsSoonMs)
    .toSorted((a, b) => a.startsInMs - b.startsInMs)
    .slice(0, jobsAskedMax);
  let asks = 0;
  let items = 0;
  for (const presence of ledger.state.presences.values()) {
    if (asks === asksMax || items >= itemsAskedMax) return;
    if (!presence.features.includes(sourcesFeature) || livenessOf(presence) !== 'attached') continue;
    if (presence.asked !== undefined && presence.asked.atMs > ledger.nowMs - answerMs) continue;
    const unknown = next.find(({ jobId }) => mayHave(ledger, presence, jobId));
    if (unknown === undefined) continue;
    ask(ledger, presence, unknown.jobId);
    asks += 1;
    items += ledger.state.bodies.get(unknown.jobId)?.resolved.length ?? 0;
  }
}

function mayHave(ledger: Ledger, presence: Presence, jobId: string): boolean {
  const job = ledger.state.jobs.get(jobId);
  if (job === undefined || presence.inventory?.queues.includes(job.queue) !== true) return false;
  return ledger.state.sources.get(jobId)?.asked.has(presence.agentId) !== true;
}

function ask(ledger: Ledger, presence: Presence, jobId: string): void {
  const body = ledger.state.bodies.get(jobId);
  if (body === undefined) return;
  const { enable4k, rateProfile } = ledger.job(jobId);
  presence.asked = { jobId, atMs: ledger.nowMs };
  // Told nothing, it is not asked for the same again.
  knownOf(ledger, jobId)?.asked.add(presence.agentId);
  ledger.sendTo(presence.agentId, {
    kind: 'ask-sources',
    jobId,
    enable4k,
    rateProfile,
    items: body.resolved,
  });
}

/** What an agent has of a job, by its own word, where it was asked. */
export function takeSources(ledger: Ledger, presence: Presence, report: SourcesReport): void {
  if (presence.asked?.jobId === report.jobId) presence.asked = undefined;
  const known = ledger.state.sources.get(report.jobId);
  if (known?.asked.has(presence.agentId) !== true) return;
  ledger.state.planStale = true;
  const { presentBytes: bytes, presentOutputMs: outputMs, totalBytes } = report;
  if (totalBytes > 0) remember(known, presence.agentId, { bytes, outputMs }, totalBytes);
}

/** What a prefetch has brought, where it was announced. */
export function takePrefetched(ledger: Ledger, presence: Presence, report: PrefetchReport): void {
  const { jobId } = report;
  const { agentId } = presence;
  const isAnnounced = ledger.state.announcements.get(jobId)?.agentId === agentId;
  if (!isAnnounced && ledger.state.sources.get(jobId)?.asked.has(agentId) !== true) return;
  const known = knownOf(ledger, jobId);
  if (known === undefined) return;
  known.asked.add(agentId);
  const before = known.byAgent.get(agentId);
  const present = { bytes: Math.max(report.bytes, before?.bytes ?? 0), outputMs: before?.outputMs ?? 0 };
  remember(known, agentId, present, report.totalBytes);
}

/** A stream begins: what was asked on the last one is not answered any more, and another process may have other files. */
export function askAnew(ledger: Ledger, agentId: string, instanceId: string): void {
  const before = ledger.state.presences.get(agentId);
  if (before === undefined || before.instanceId === instanceId) {
    if (before?.asked !== undefined) ledger.state.sources.get(before.asked.jobId)?.asked.delete(agentId);
    return;
  }
  for (const { asked } of ledger.state.sources.values()) asked.delete(agentId);
}

/** An attempt has ended: its agent has more of the job than it said before. */
export function askAgain(ledger: Ledger, { jobId, agentId }: Pick<AttemptRecord, 'jobId' | 'agentId'>): void {
  ledger.state.sources.get(jobId)?.asked.delete(agentId);
}

/** Undefined for a job that is not open: nothing is known of it. */
function knownOf({ state }: Ledger, jobId: string): KnownSources | undefined {
  const job = state.jobs.get(jobId);
  if (job === undefined || hasEnded(job.state)) return undefined;
  const known = state.sources.get(jobId) ?? { totalBytes: undefined, byAgent: new Map(), asked: new Set() };
  state.sources.set(jobId, known);
  return known;
}

function remember(
  known: KnownSources,
  agentId: string,
  present: PresentSources,
  totalBytes: number | undefined,
): void {
  // The least that was told: one agent's wrong figure must not leave others without room for the job.
  if (totalBytes !== undefined && totalBytes > 0)
    known.totalBytes = Math.min(totalBytes, known.totalBytes ?? totalBytes);
  known.byAgent.set(agentId, present);
}
