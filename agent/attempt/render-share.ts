import type { Inventory } from '../../proto/agent-link.ts';
import { workClassOf } from '../../proto/agent-link.ts';
import type { GpuLane } from '../core/gpu-choice.ts';
import { fillOrder, laneSpeed } from '../core/gpu-choice.ts';

/** Cards differ by the same factor at every class, nearly. */
const compared = workClassOf({ enable4k: false });
/** No PC renders more at a time. */
const rendersMax = 64;
/** No render is that much slower for those beside it: less is a measurement that went wrong, and 0 would stand for ever. */
const shareMin = 0.001;

/**
 * Speed of one of `renders` renders at a time, relative to one alone on the PC's best encoder: what test encodes at once
 * gave each of them, and on a slower one of several GPUs the less. Always above 0.
 */
export function renderShare(
  host: Pick<Inventory, 'concurrentSpeeds'> & { readonly gpuLanes: readonly GpuLane[] },
  gpuIndex: number | undefined,
  renders: number,
): number {
  const { concurrentSpeeds, gpuLanes } = host;
  const count = Math.min(rendersMax, Math.max(1, renders));
  const measured = concurrentSpeeds[count - 1] ?? concurrentSpeeds.at(-1) ?? 1;
  const each = measured > 0 ? Math.max(shareMin, measured) : 1;
  const best = Math.max(0, ...gpuLanes.map((lane) => laneSpeed(lane, compared) ?? 0));
  const relative = (index: number): number => {
    const lane = gpuLanes.find((one) => one.index === index);
    const speed = lane === undefined ? undefined : laneSpeed(lane, compared);
    return speed === undefined || best <= 0 ? 1 : speed / best;
  };
  if (gpuIndex === undefined) return each;
  // What was measured is the mean over the cards that so many renders go to; of it each card has its part.
  const order = fillOrder(gpuLanes, compared, count).map(relative);
  const mean = order.length === 0 ? 1 : order.reduce((sum, one) => sum + one, 0) / order.length;
  return Math.min(1, Math.max(shareMin, (relative(gpuIndex) * each) / mean));
}
