import { routingPresets } from '../../controller/domain/routing.ts';
import type { FarmSettings } from '../../controller/domain/settings.ts';
import { defaultTimes } from '../../controller/domain/times.ts';

/** A farm as mission.md describes it, with default times and limits that tests can change. */
export function farmSettings(changes: Partial<FarmSettings> = {}): FarmSettings {
  const queues = ['4k_queue', 'gpu_queue', 'default_queue'];
  return {
    farmName: 'test',
    timeZone: 'Europe/Berlin',
    queues: queues.map((name) => ({
      name,
      softRunMs: defaultTimes.softRunMs,
      hardRunMs: defaultTimes.hardRunMs,
      rateProfile: 'studio',
    })),
    routing: routingPresets['by-feature'],
    shares: [
      { name: 'clips', roots: ['\\\\nas\\Clips'], role: 'source' },
      { name: 'results', roots: ['\\\\nas\\Results'], role: 'output' },
    ],
    output: { share: 'results', folder: '\\\\nas\\Results' },
    limits: {
      jobsMax: 10_000,
      jobsPerUserMax: 5_000,
      agentsMax: 1_000,
      watchersMax: 500,
      watchBacklogMax: 1_000,
      inboxMax: 10_000,
      inboxBytesMax: 128 * 2 ** 20,
      outboxRowsMax: 100_000,
    },
    userWeights: new Map(),
    retries: { attemptsMax: 3, lossesMax: 3, environmentFailuresMax: 10 },
    times: defaultTimes,
    assist: true,
    ...changes,
  };
}
