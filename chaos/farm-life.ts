import type { Program } from './child-process.ts';
import type { ChaosFarm } from './farm.ts';
import { pause } from './later.ts';
import { processesOf, signalQuietly } from './own-processes.ts';

/** Everything of ours ends within it when it is asked to. */
const stopGraceMs = 8_000;
/** Redis is there before controllers ask for it: they would wait, and say so. */
const redisStartMs = 300;

/** Starts every program, and begins to follow the agents' journals. */
export async function startFarm(farm: ChaosFarm): Promise<void> {
  if (farm.redis !== undefined) {
    farm.redis.start();
    await pause(redisStartMs);
  }
  for (const { program } of farm.controllers) program.start();
  for (const { program, tail } of farm.agents) {
    tail.follow();
    program.start();
  }
}

/** Stops every program, and kills what is left of the run. Agents first: what they give back still reaches somebody. */
export async function stopFarm(farm: ChaosFarm): Promise<void> {
  await stop(farm.agents.flatMap(({ program, clone }) => [program, clone]));
  await stop(farm.controllers.map(({ program }) => program));
  if (farm.redis !== undefined) await stop([farm.redis]);
  for (const { pid } of processesOf(farm.run)) signalQuietly(pid, 'SIGKILL');
  for (const { tail } of farm.agents) {
    tail.read();
    tail.stop();
  }
  await farm.closeNetwork();
}

async function stop(programs: readonly Program[]): Promise<void> {
  await Promise.all(programs.map((program) => program.stop(stopGraceMs)));
}
