/** Which faults come when: decided by the seed alone, so that a schedule can be had again (its effects cannot). */
import { type Fault, type FaultKind, faultKinds } from './fault.ts';
import { momentNames } from './moments.ts';
import type { ChaosOptions } from './options.ts';
import type { Random } from './random.ts';
import { netFaults } from './tcp-proxy.ts';

export interface PlannedFault {
  /** After the one before it. */
  readonly afterMs: number;
  /** Waits until what it strikes is out of other faults' hands; else it does not happen. @default false */
  readonly isPatient?: boolean;
  readonly fault: Fault;
}

type Drawn = (random: Random, options: Pick<ChaosOptions, 'store'>) => Fault | undefined;

/** How often each kind comes, and what it is then. Kinds that a store does not have are drawn again. */
const kinds: Readonly<Record<FaultKind, { readonly weight: number; readonly draw: Drawn }>> = {
  kill: {
    weight: 34,
    draw(random, { store }) {
      const who = random.pick([
        'controller',
        'controller',
        'agent',
        'agent',
        'agent',
        'ffmpeg',
        'redis',
      ] as const);
      if (who === 'redis' && store !== 'redis') return undefined;
      const at = who === 'ffmpeg' ? random.pick(['encoding', 'joining'] as const) : random.pick(momentNames);
      return { kind: 'kill', who, at, victim: random.between(0, 7), lastsMs: backAfterMs(random) };
    },
  },
  freeze: {
    weight: 16,
    draw(random, { store }) {
      const who = random.pick(['controller', 'agent', 'agent', 'ffmpeg', 'share', 'redis'] as const);
      if (who === 'redis' && store !== 'redis') return undefined;
      return { kind: 'freeze', who, victim: random.between(0, 7), lastsMs: frozenMs(random) };
    },
  },
  restart: {
    weight: 8,
    draw: (random) => ({
      kind: 'restart',
      who: random.pick(['controller', 'agent']),
      victim: random.between(0, 7),
      lastsMs: backAfterMs(random),
    }),
  },
  net: {
    weight: 24,
    draw(random, { store }) {
      const link = random.pick(['agent', 'agent', 'client', 'redis'] as const);
      if (link === 'redis' && store !== 'redis') return undefined;
      const how = random.pick(netFaults);
      return { kind: 'net', link, how, victim: random.between(0, 7), lastsMs: random.between(300, 6_000) };
    },
  },
  'redis-tail': {
    weight: 4,
    draw: (random, { store }) =>
      store === 'redis'
        ? { kind: 'redis-tail', bytes: random.between(1, 20_000), lastsMs: random.between(100, 1_500) }
        : undefined,
  },
  'disk-full': {
    weight: 4,
    draw: (random, { store }) => ({
      kind: 'disk-full',
      whose: store === 'redis' ? 'agent' : random.pick(['agent', 'controller']),
      lastsMs: random.between(500, 4_000),
    }),
  },
  share: {
    weight: 8,
    draw: (random) => ({
      kind: 'share',
      how: random.pick(['away', 'read-only', 'another', 'sources-away']),
      lastsMs: random.between(500, 5_000),
    }),
  },
  'late-rename': {
    weight: 5,
    draw: (random) => ({ kind: 'late-rename', lastsMs: random.between(500, 8_000) }),
  },
  'disk-lost': {
    weight: 2,
    draw: (random) => ({ kind: 'disk-lost', victim: random.between(0, 7), lastsMs: backAfterMs(random) }),
  },
  clone: {
    weight: 2,
    draw: (random) => ({
      kind: 'clone',
      victim: random.between(0, 7),
      lastsMs: random.between(1_500, 4_000),
    }),
  },
};

/** Faults without an end, one every two seconds on the average. */
export function* planFaults(
  random: Random,
  options: Pick<ChaosOptions, 'store' | 'only'>,
): Generator<PlannedFault, never, undefined> {
  const possible = faultKinds.filter((kind) => options.only.length === 0 || options.only.includes(kind));
  const total = possible.reduce((sum, kind) => sum + kinds[kind].weight, 0);
  for (;;) {
    let left = random.between(1, total);
    const kind = possible.find((each) => {
      left -= kinds[each].weight;
      return left <= 0;
    });
    const fault = kind === undefined ? undefined : kinds[kind].draw(random, options);
    if (fault !== undefined) yield { afterMs: random.between(500, 3_500), fault };
  }
}

/**
 * Agent and controller (on Redis in turn with Redis itself) are killed at each moment, both at once; then the renderer
 * is, and the share's rename hangs.
 */
export function* everyMoment({
  store,
}: Pick<ChaosOptions, 'store'>): Generator<PlannedFault, undefined, undefined> {
  const fault = (each: Fault): PlannedFault => ({ afterMs: 100, isPatient: true, fault: each });
  for (const [victim, at] of momentNames.entries()) {
    const other = store === 'redis' && victim % 2 === 1 ? 'redis' : 'controller';
    for (const who of ['agent', other] as const) yield fault({ kind: 'kill', who, at, victim, lastsMs: 100 });
  }
  for (const at of ['encoding', 'joining'] as const) {
    yield fault({ kind: 'kill', who: 'ffmpeg', at, victim: 0, lastsMs: 100 });
  }
  yield fault({ kind: 'late-rename', lastsMs: 1_000 });
}

/** At once, within the 10 s of a broken stream, within the lease, after it: all a tenth of the real times. */
function backAfterMs(random: Random): number {
  return random.pick([50, 300, 800, 2_000, 6_000]);
}

/** 5 to 300 s, a tenth of it; the long ones are rare. */
function frozenMs(random: Random): number {
  return random.chance(0.1) ? random.between(6_000, 30_000) : random.between(500, 6_000);
}
