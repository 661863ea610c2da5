import { given } from './config-given.ts';
import type { Settings } from './config-schema.ts';
import { routingPresets } from './domain/routing.ts';
import type { FarmSettings, QueueSettings } from './domain/settings.ts';
import { defaultTimes, scaleTimes, type Times } from './domain/times.ts';

/** What the farm runs on, from what an operator wrote. */
export function farmSettings(settings: Settings): FarmSettings {
  const times = scaleTimes({ ...defaultTimes, ...settings.times }, settings.timeScale);
  const output = settings.shares.find((share) => share.name === settings.output.share);
  const folder = [
    output?.roots[0] ?? '',
    ...settings.output.folder.split(/[\\/]+/u).filter((part) => part !== ''),
  ];
  return {
    farmName: settings.farm,
    timeZone: settings.timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone,
    queues: settings.queues.map((queue) => queueSettings(queue, times, settings.timeScale)),
    routing:
      typeof settings.routing === 'string'
        ? routingPresets[settings.routing]
        : routingTable(settings.routing),
    shares: settings.shares,
    output: { share: settings.output.share, folder: folder.join('\\') },
    limits: given(settings.limits),
    userWeights: new Map(Object.entries(settings.userWeights)),
    retries: settings.retries,
    times,
    assist: settings.assist === 'on',
    ...(settings.shadow && { shadow: true }),
    results: settings.results,
  };
}

function queueSettings(queue: Settings['queues'][number], times: Times, scale: number): QueueSettings {
  const scaled = (ms: number | undefined, other: number): number =>
    ms === undefined ? other : Math.max(1, Math.round(ms * scale));
  return {
    name: queue.name,
    softRunMs: scaled(queue.softRunMs, times.softRunMs),
    hardRunMs: scaled(queue.hardRunMs, times.hardRunMs),
    rateProfile: queue.rateProfile,
    ...given({ weight: queue.weight, runningMax: queue.runningMax, jobsMax: queue.jobsMax }),
  };
}

function routingTable(table: Exclude<Settings['routing'], string>): FarmSettings['routing'] {
  return { ...table, rules: table.rules.map((rule) => ({ ...rule, when: given(rule.when) })) };
}
