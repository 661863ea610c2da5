import type { Assign } from '../../proto/agent-link.ts';
import type { CoreSettings, CoreState } from './state.ts';

/** How long an image is shown that says nothing else (mission.md section 1). */
const imageDefaultMs = 5_000;

/**
 * Why a job does not fit on this PC's disk; undefined when it seems to. What is known before its files are measured is a
 * lower bound, so that the attempt looks again when it has its plan.
 */
export function scratchShortage(state: CoreState, assign: Assign): string | undefined {
  const needed = scratchNeeded(assign, state.settings);
  if (state.scratchFreeBytes >= needed) return undefined;
  return `the job needs about ${needed} bytes of scratch space, ${state.scratchFreeBytes} are free`;
}

function scratchNeeded({ job }: Assign, settings: CoreSettings): number {
  const { scratchBytesMin, scratchBytesPerSecond } = settings;
  const bytesPerSecond = job.enable4k ? scratchBytesPerSecond.ultraHd : scratchBytesPerSecond.fullHd;
  const ms = job.items.reduce(
    (sum, item) => sum + (item.durationMs ?? (item.itemType === 'image' ? imageDefaultMs : 0)),
    0,
  );
  return Math.max(scratchBytesMin, Math.ceil((ms / 1_000) * bytesPerSecond));
}
