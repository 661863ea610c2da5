import type { MomentName } from './moments.ts';
import type { NetFault } from './tcp-proxy.ts';

/** One thing that goes wrong. `victim` counts through those that there are; times are as the run has them. */
export type Fault =
  /** kill -9 at a named moment. */
  | {
      readonly kind: 'kill';
      readonly who: 'controller' | 'agent' | 'ffmpeg' | 'redis';
      readonly at: MomentName;
      readonly victim: number;
      readonly lastsMs: number;
    }
  /** SIGSTOP, and SIGCONT later. `share`: the children that touch an agent's shares, as on a hung mount. */
  | {
      readonly kind: 'freeze';
      readonly who: 'controller' | 'agent' | 'ffmpeg' | 'redis' | 'share';
      readonly victim: number;
      readonly lastsMs: number;
    }
  /** SIGTERM, and a new start later: what a person does. */
  | {
      readonly kind: 'restart';
      readonly who: 'controller' | 'agent';
      readonly victim: number;
      readonly lastsMs: number;
    }
  /** Something between two ends of the network. */
  | {
      readonly kind: 'net';
      readonly link: 'agent' | 'client' | 'redis';
      readonly how: NetFault;
      readonly victim: number;
      readonly lastsMs: number;
    }
  /** kill -9 of Redis, and a start without the last bytes that it had written. */
  | { readonly kind: 'redis-tail'; readonly bytes: number; readonly lastsMs: number }
  | { readonly kind: 'disk-full'; readonly whose: 'agent' | 'controller'; readonly lastsMs: number }
  | {
      readonly kind: 'share';
      readonly how: 'away' | 'read-only' | 'another' | 'sources-away';
      readonly lastsMs: number;
    }
  /** The rename of a granted file hangs while its agent dies, and is done much later. */
  | { readonly kind: 'late-rename'; readonly lastsMs: number }
  /** An agent comes back with an empty data folder. */
  | { readonly kind: 'disk-lost'; readonly victim: number; readonly lastsMs: number }
  /** A second agent with the same id, as after copying a PC's disk. */
  | { readonly kind: 'clone'; readonly victim: number; readonly lastsMs: number };

export type FaultKind = Fault['kind'];

export const faultKinds: readonly FaultKind[] = [
  ...(['kill', 'freeze', 'restart', 'net', 'redis-tail'] as const),
  ...(['disk-full', 'share', 'late-rename', 'disk-lost', 'clone'] as const),
];

/** For people and for the history. */
export function faultText(fault: Fault): string {
  const { kind, lastsMs, ...rest } = fault;
  const words = Object.entries(rest).map(([name, value]) => `${name}=${value}`);
  return [kind, ...words, `${lastsMs}ms`].join(' ');
}
