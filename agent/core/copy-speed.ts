import { sendInventory } from './slots.ts';
import type { Turn } from './turn.ts';

/** A change that is smaller is none: plans would only be made again. */
const changeShare = 0.1;

/** How fast this PC copies from its shares, by its last copies. */
export function copySpeedMeasured(turn: Turn, bytesPerSecond: number): void {
  const before = turn.state.copyBytesPerSecond;
  if (Math.abs(bytesPerSecond - before) <= before * changeShare) return;
  turn.state = { ...turn.state, copyBytesPerSecond: bytesPerSecond };
  sendInventory(turn);
}
