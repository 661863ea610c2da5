import type { PlannedAgent, RunningAttempt } from './snapshot.ts';

/** Frames a second that a job needs to be rendered at the speed at which it plays (mission.md section 5: 30 fps). */
const playedFramesPerSecond = 30;

/** A 4K frame has four times the pixels of a Full HD one. */
const pixels4k = 4;

/** Full HD frames a second that an agent renders, by its test encode. */
export function speedOf(agent: Pick<PlannedAgent, 'inventory'>): number {
  return Math.max(1, ...agent.inventory.encoders.map((encoder) => encoder.framesPerSecond));
}

/** Expected time that output of this length needs at a speed. */
export function renderMs(speed: number, output: { estimateMs: number; enable4k: boolean }): number {
  const frames = (output.estimateMs / 1000) * playedFramesPerSecond * (output.enable4k ? pixels4k : 1);
  return (frames / speed) * 1000;
}

/** A slot that is held is not free, however soon it is expected back. */
const heldMinMs = 1;

/** Expected time until the attempt gives its slot back; never 0: it is free when its agent says so. */
export function remainingMs(agent: PlannedAgent, attempt: RunningAttempt): number {
  if (attempt.stopping) return heldMinMs;
  const expected = attempt.etaMs ?? renderMs(speedOf(agent), attempt) * (1 - attempt.percent / 100);
  return Math.max(heldMinMs, expected);
}

/** No PC renders more attempts at a time, whatever its agent says. */
const slotsMax = 64;

/** When each of the agent's slots is free, in ms from now, soonest first. */
export function slotsFreeInMs(agent: PlannedAgent): number[] {
  const busy = agent.running.map((attempt) => remainingMs(agent, attempt));
  const free = Array.from(
    { length: Math.max(0, Math.min(slotsMax, agent.inventory.slots) - busy.length) },
    () => 0,
  );
  return [...free, ...busy].sort((a, b) => a - b);
}
