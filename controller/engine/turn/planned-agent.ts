import type { Inventory, WorkClass } from '../../../proto/agent-link.ts';
import { workClassOf } from '../../../proto/agent-link.ts';
import { closedReasons } from '../../domain/agent-mode.ts';
import { attemptStates } from '../../domain/attempt.ts';
import { framesPerSecond, workBytesOf } from '../../domain/estimate.ts';
import { classCost } from '../../scheduling/fair-share.ts';
import type { ClassForecast, PlannedAgent, RunningAttempt } from '../../scheduling/snapshot.ts';
import { type HeldItem, itemsAt } from './assist-state.ts';
import { p90Of } from './forecast-errors.ts';
import { knownShares } from './share-identity.ts';
import type { FarmState, Presence } from './state.ts';

/** Where an agent stands, for the planner and for people. */
export function livenessOf(presence: Presence): 'attached' | 'suspect' | 'detached' {
  if (presence.session === undefined || presence.leaving) return 'detached';
  // It holds what we do not know: its slots are not free, and a second assignment would end the first.
  if (presence.recalls !== undefined) return 'detached';
  return presence.suspect ? 'suspect' : 'attached';
}

/** How long ago which jobs were announced, by agent. */
export function announcedTo(
  state: FarmState,
  nowMs: number,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const byAgent = new Map<string, Map<string, number>>();
  for (const { agentId, jobId, sinceMs } of state.announcements.values()) {
    const jobs = byAgent.get(agentId) ?? new Map<string, number>();
    byAgent.set(agentId, jobs.set(jobId, nowMs - sinceMs));
  }
  return byAgent;
}

const nothingAnnounced: ReadonlyMap<string, number> = new Map();

/** An agent as the planner sees it. */
export function plannedAgent(
  state: FarmState,
  presence: Presence,
  inventory: Inventory,
  announced: ReadonlyMap<string, number> = nothingAnnounced,
): PlannedAgent {
  return {
    agentId: presence.agentId,
    liveness: livenessOf(presence),
    closed: closedReasons(state.agents.get(presence.agentId)),
    queues: inventory.queues,
    labels: inventory.labels,
    features: presence.features,
    shares: knownShares(state, inventory).shares,
    slots: inventory.slots,
    classes: classesOf(state, presence.agentId, inventory),
    lacks: lacksOf(inventory),
    concurrentSpeeds: inventory.concurrentSpeeds,
    copyBytesPerMs:
      inventory.copyBytesPerSecond > 0 ? inventory.copyBytesPerSecond / 1000 : copyBytesPerMsGuess,
    scratchBytes: roomOf(state, presence),
    running: runningAttempts(state, presence.agentId),
    announced,
  };
}

/** An item that a helper renders is given up for a job, so that its slot is as good as free; not one that does not stop. */
function runningAttempts(state: FarmState, agentId: string): readonly RunningAttempt[] {
  const stuck = itemsAt(state.assist, agentId).filter(({ late }) => late);
  const attempts = [...(state.liveAttempts.get(agentId) ?? [])].flatMap((key) => {
    const attempt = state.attempts.get(key);
    if (attempt === undefined || !attemptStates[attempt.state].holdsSlot) return [];
    const job = state.jobs.get(attempt.jobId);
    const runtime = state.runtimes.get(key);
    return {
      jobId: attempt.jobId,
      userId: job?.userId ?? '',
      queue: job?.queue ?? '',
      workClass: workClassOf({ enable4k: job?.enable4k ?? false }),
      outputMs: job?.estimateMs ?? 0,
      percent: runtime?.percent ?? 0,
      stopping: attempt.stop !== undefined,
      ...(runtime?.etaMs !== undefined && { etaMs: runtime.etaMs }),
    };
  });
  return stuck.length === 0 ? attempts : [...attempts, ...stuck.map(stuckItem)];
}

/** Nobody knows when it will stop: not soon. */
const stuckMs = 60_000;

function stuckItem({ item }: HeldItem): RunningAttempt {
  const { jobId } = item.ref;
  const nobody = { userId: '', queue: '', workClass: 'hd', outputMs: 0, percent: 0 };
  return { ...nobody, jobId, etaMs: stuckMs, stopping: false };
}

/** What a gigabit line carries (scheduling.md, Targets), until an agent has measured its own. */
const copyBytesPerMsGuess = 110_000;

/** What the agent renders, by its own word; an agent of release 0.1 tells only what its encoders are. */
function classesOf(
  state: FarmState,
  agentId: string,
  { speeds, encoders }: Inventory,
): ReadonlyMap<WorkClass, ClassForecast> {
  const ratios = state.agents.get(agentId)?.forecastRatios ?? {};
  if (speeds.length > 0)
    return new Map(
      speeds.map(({ workClass, speed, runs }) => [workClass, { speed, runs, p90: p90Of(ratios[workClass]) }]),
    );
  const fastest = Math.max(0, ...encoders.map((encoder) => encoder.framesPerSecond));
  // An encoder that passed its test but has no speed is slow, not useless.
  const speed = Math.max(1, fastest) / framesPerSecond;
  const classes = new Map<WorkClass, ClassForecast>();
  if (encoders.length > 0) classes.set('hd', { speed, runs: 0, p90: p90Of(ratios['hd']) });
  if (encoders.some(({ max }) => max === '2160p'))
    classes.set('4k', { speed: speed / classCost('4k'), runs: 0, p90: p90Of(ratios['4k']) });
  return classes;
}

const no4k = new Map([['4k', 'no encoder passed a test encode at 2160p']]);
const noEncoder = new Map(['hd', '4k'].map((workClass) => [workClass, 'no encoder passed its test encode']));

function lacksOf({ encoders }: Inventory): ReadonlyMap<WorkClass, string> {
  return encoders.length === 0 ? noEncoder : no4k;
}

/** What is free there, less what was assigned since and may not be counted by the agent yet. */
export function roomOf(state: FarmState, presence: Presence): number {
  let bytes = presence.scratchAvailableBytes ?? presence.scratchFreeBytes;
  for (const key of state.liveAttempts.get(presence.agentId) ?? []) {
    const attempt = state.attempts.get(key);
    const job = attempt?.state === 'assigned' ? state.jobs.get(attempt.jobId) : undefined;
    if (job !== undefined) bytes -= workBytesOf(job);
  }
  return bytes;
}
