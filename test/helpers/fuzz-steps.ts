import fc from 'fast-check';
import type { HeldAttempt } from '../../proto/agent-link.ts';
import { wishKinds } from './fuzzed-wishes.ts';
import { heldStates, hostileNumber, type Talk, talk } from './hostile-talk.ts';

export const agents = ['pc1', 'pc2', 'pc3'] as const;
const jobsMax = 5;
/** The n-th attempt that was ever assigned, or one that never was. */
const pick = fc.oneof(
  { weight: 9, arbitrary: fc.nat({ max: 12 }) },
  { weight: 1, arbitrary: fc.constant(-1) },
);

export const jobOrders = ['retry', 'hold', 'release', 'annul'] as const;
export const agentOrders = ['cordon', 'uncordon', 'drain', 'forget'] as const;
export const queueOrders = ['pause', 'resume'] as const;
export const orderKinds = [
  ...jobOrders,
  ...agentOrders,
  ...queueOrders,
  'priority',
  'evict',
  'share-replaced',
] as const;

/** What is done to a farm: by people, agents, time and storage. */
export type Step =
  | {
      readonly do: 'submit' | 'cancel';
      readonly job: number;
      readonly wish: (typeof wishKinds)[number];
    }
  | { readonly do: 'order'; readonly kind: (typeof orderKinds)[number]; readonly target: number }
  | { readonly do: 'say'; readonly stream: number; readonly pick: number; readonly talk: Talk }
  | {
      readonly do: 'attach';
      readonly agent: number;
      readonly instance: number;
      readonly journal: number;
      readonly first: number;
      readonly held: readonly { readonly pick: number; readonly state: HeldAttempt['state'] }[];
      /** Items that it says it renders, of attempts and rights that may be none. */
      readonly items: readonly { readonly pick: number; readonly position: number; readonly right: number }[];
      readonly percent: number;
      readonly ours: boolean;
      readonly published: number;
    }
  | { readonly do: 'forget-record'; readonly kind: 'job' | 'attempt' }
  | { readonly do: 'leave'; readonly stream: number; readonly how: 'goodbye' | 'closed' | 'ours' }
  | { readonly do: 'pass'; readonly ms: number }
  /** Ended jobs leave the hot store; one that has left is retried from history. */
  | { readonly do: 'archive' | 'retry-past'; readonly job: number }
  | { readonly do: 'restart' | 'outage' };

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('submit' as const, 'submit' as const, 'cancel' as const),
      job: fc.nat({ max: jobsMax - 1 }),
      wish: fc.constantFrom(...wishKinds),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({ do: fc.constant('say' as const), stream: fc.nat({ max: 3 }), pick, talk }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('attach' as const),
      agent: fc.nat({ max: agents.length - 1 }),
      instance: fc.nat({ max: 2 }),
      journal: fc.nat({ max: 1 }),
      first: fc.constantFrom(0, 1, 2, 100),
      held: fc.array(fc.record({ pick, state: fc.constantFrom(...heldStates) }), { maxLength: 3 }),
      items: fc.array(fc.record({ pick, position: hostileNumber, right: fc.nat({ max: 12 }) }), {
        maxLength: 2,
      }),
      percent: hostileNumber,
      ours: fc.boolean(),
      published: pick,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('order' as const),
      kind: fc.constantFrom(...orderKinds),
      target: fc.nat({ max: jobsMax }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('forget-record' as const),
      kind: fc.constantFrom('job' as const, 'attempt' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('leave' as const),
      stream: fc.nat({ max: 3 }),
      how: fc.constantFrom('goodbye' as const, 'closed' as const, 'ours' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('archive' as const, 'retry-past' as const, 'retry-past' as const),
      job: fc.nat({ max: jobsMax - 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 1_000, 3_000, 10_000, 41_000, 60_000, 900_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'outage' as const) }),
  },
);
