import type { Assign, AssignedJob } from '../../proto/agent-link.ts';
import type { ItemRef } from '../../proto/item-link.ts';
import { isAtWork } from './attempt-states.ts';
import type { Input } from './inputs.ts';
import type { CoreSettings, CoreState, LiveAttempt, ScratchState } from './state.ts';
import { defaultCoreFigures } from './state.ts';

/** How long an image is shown that says nothing else (mission.md section 1). */
const imageDefaultMs = 5_000;

type ScratchFigures = Pick<CoreSettings, 'scratchBytesMin' | 'scratchBytesPerSecond'>;

/** What a job's segments and result will take, by what is known before its files are measured: a lower bound. */
export function workBytesAhead(
  { enable4k, items }: Pick<AssignedJob, 'enable4k' | 'items'>,
  { scratchBytesMin, scratchBytesPerSecond }: ScratchFigures = defaultCoreFigures,
): number {
  const ms = items.reduce(
    (sum, item) => sum + (item.durationMs ?? (item.itemType === 'image' ? imageDefaultMs : 0)),
    0,
  );
  const perSecond = enable4k ? scratchBytesPerSecond.ultraHd : scratchBytesPerSecond.fullHd;
  return Math.max(scratchBytesMin, Math.ceil((ms / 1_000) * perSecond));
}

/** All that a job will write here: its work, and what is known to be missing of its sources. */
export function scratchNeeded(state: CoreState, { job }: Pick<Assign, 'job'>): number {
  const sources = state.sources.get(job.jobId);
  const missing = sources === undefined ? 0 : Math.max(0, sources.totalBytes - sources.presentBytes);
  return workBytesAhead(job, state.settings) + missing;
}

/**
 * Room for a new job: what is free and what the caches can give up, less what the jobs here may still write. An attempt
 * that the shell has not measured yet counts with what it was accepted for. Items of others' jobs make way.
 */
export function scratchAvailable({ scratch, attempts }: CoreState): number {
  const promised = [...attempts.values()].reduce((sum, live) => sum + promisedTo(live, scratch), 0);
  return Math.max(0, scratch.availableBytes - promised);
}

/** Room for an item of another agent's job: what is promised to the jobs and items here is not. */
export function scratchForItems(state: CoreState): number {
  const promised = [...state.items.values()].reduce(
    (sum, { item, scratchBytes }) => sum + (state.scratch.reserved.get(itemRoomKey(item)) ?? scratchBytes),
    0,
  );
  return Math.max(0, scratchAvailable(state) - promised);
}

/** What the room of an item is called, beside those of jobs. */
export function itemRoomKey({ ref, position }: ItemRef): string {
  return `${ref.jobId}/${position}`;
}

/** Why a job does not fit on this PC's disk; undefined when it seems to. The attempt looks again when it has its plan. */
export function scratchShortage(state: CoreState, assign: Assign): string | undefined {
  const needed = scratchNeeded(state, assign);
  const available = scratchAvailable(state);
  if (available >= needed) return undefined;
  const free = `${available} are free or can be given up, less what the jobs here may still write`;
  return `the job needs about ${needed} bytes of scratch space, ${free}`;
}

function promisedTo({ ref, state, scratchBytes }: LiveAttempt, { reserved }: CoreState['scratch']): number {
  if (!isAtWork(state)) return 0;
  return reserved.get(ref.jobId) ?? scratchBytes;
}

/** What the shell has seen of the disk. */
export function scratchOf(seen: Extract<Input, { type: 'scratch-space' }>): ScratchState {
  const { freeBytes, availableBytes, reserved } = seen;
  return {
    freeBytes,
    availableBytes,
    reserved: new Map(reserved.map(({ jobId, bytes }) => [jobId, bytes])),
  };
}
