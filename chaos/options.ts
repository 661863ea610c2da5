import { parseArgs } from 'node:util';
import { type FaultKind, faultKinds } from './fault.ts';

export type StoreKind = 'sqlite' | 'redis';

export interface ChaosOptions {
  /** How long faults happen; the farm's coming to rest is added. */
  readonly minutes: number;
  readonly seed: number;
  readonly store: StoreKind;
  /** A script stands in for FFmpeg: what counts is then order and time, not pictures. */
  readonly fakeRenderer: boolean;
  readonly agents: number;
  /** Controllers: two (leader and standby) on Redis, one on SQLite. */
  readonly controllers: number;
  /** Instead of drawn faults: each program is killed once at each named moment, and the run ends when all were. */
  readonly everyMoment: boolean;
  /** Where everything is kept. */
  readonly folder: string | undefined;
  /** Only these kinds of faults; empty: all. */
  readonly only: readonly FaultKind[];
}

export const chaosUsage = `npm run chaos -- [options]
  --minutes N        how long faults happen (default 1)
  --seed S           which faults and jobs (default: by the clock, printed)
  --store KIND       sqlite (default) or redis (two controllers: leader and standby)
  --fake-renderer    a script stands in for FFmpeg
  --agents N         agents, 1 to 8 (default 3)
  --controllers N    on redis: 1 to 3 (default 2)
  --only A,B         only these kinds of faults
  --every-moment     kill everything once at each named moment, instead of drawn faults
  --folder DIR       keep everything there (default: out/chaos/...)
`;

/** Reads the command line. @throws Error that says what is wrong with it */
export function readOptions(args: readonly string[], nowMs: number): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(nowMs % 1_000_000) },
      store: { type: 'string', default: 'sqlite' },
      'fake-renderer': { type: 'boolean', default: false },
      agents: { type: 'string', default: '3' },
      controllers: { type: 'string' },
      'every-moment': { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      folder: { type: 'string' },
    },
  });
  if (values.store !== 'sqlite' && values.store !== 'redis') {
    throw new Error(`--store is sqlite or redis, not ${values.store}`);
  }
  const controllers = values.store === 'redis' ? (values.controllers ?? '2') : '1';
  return {
    minutes: numberOf('minutes', values.minutes, 0.05, 10_000),
    seed: wholeOf('seed', values.seed, 0, 2 ** 32 - 1),
    store: values.store,
    fakeRenderer: values['fake-renderer'],
    agents: wholeOf('agents', values.agents, 1, 8),
    controllers: wholeOf('controllers', controllers, 1, 3),
    everyMoment: values['every-moment'],
    folder: values.folder,
    only: kindsOf(values.only),
  };
}

function kindsOf(text: string): readonly FaultKind[] {
  const words = text === '' ? [] : text.split(',');
  const unknown = words.find((word) => !faultKinds.some((kind) => kind === word));
  if (unknown !== undefined) throw new Error(`no such kind of fault: ${unknown} (${faultKinds.join(', ')})`);
  return faultKinds.filter((kind) => words.includes(kind));
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!(value >= min && value <= max)) throw new Error(`--${name} is a number from ${min} to ${max}`);
  return value;
}

function wholeOf(name: string, text: string, min: number, max: number): number {
  const value = numberOf(name, text, min, max);
  if (!Number.isInteger(value)) throw new Error(`--${name} is a whole number`);
  return value;
}
