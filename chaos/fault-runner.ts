import { fillDisk, loseDisk, shareFault } from './disk-faults.ts';
import { type Fault, faultText } from './fault.ts';
import type { Injected, Injection } from './injection.ts';
import { pause, until } from './later.ts';
import { breakNetwork, loseRedisTail } from './network-faults.ts';
import { clone, freeze, killAt, lateRename, restart } from './process-faults.ts';
import type { Recorder } from './recorder.ts';
import type { PlannedFault } from './schedule.ts';

export interface FaultRunner {
  /** Lets faults happen until there are no more or the signal ends it, and puts everything back. */
  run(planned: Iterable<PlannedFault>): Promise<void>;
  /** Faults that really happened. */
  readonly happened: () => number;
}

/** How long a patient fault waits for its turn. */
const patienceMs = 60_000;

export function createFaultRunner(injected: Injected, recorder: Recorder): FaultRunner {
  let happened = 0;
  /** What faults under way have in their hands: a second one would undo the first. */
  const claimed = new Set<string>();
  const running = new Set<Promise<void>>();

  const one = async (fault: Fault, claims: readonly string[]): Promise<void> => {
    const text = faultText(fault);
    try {
      const injection = await inject(fault, injected);
      recorder.fault({ fault: text, what: injection.did });
      const isReal = !injection.did.startsWith('skipped');
      if (isReal) {
        happened += 1;
        await pause(fault.lastsMs, injected.signal);
      }
      await injection.undo();
      if (isReal) recorder.fault({ fault: text, what: 'over' });
    } finally {
      for (const claim of claims) claimed.delete(claim);
    }
  };

  return {
    happened: () => happened,
    async run(planned) {
      const { signal } = injected;
      for (const { afterMs, fault, isPatient = false } of planned) {
        await pause(afterMs, signal);
        const claims = claimsOf(fault, injected);
        const areFree = (): boolean => !claims.some((claim) => claimed.has(claim));
        if (isPatient) await until(areFree, patienceMs, signal);
        if (signal.aborted) break;
        if (!areFree()) continue;
        for (const claim of claims) claimed.add(claim);
        const work = one(fault, claims);
        running.add(work);
        void work.finally(() => running.delete(work)).catch(() => undefined);
      }
      await Promise.all(running);
    },
  };
}

async function inject(fault: Fault, injected: Injected): Promise<Injection> {
  switch (fault.kind) {
    case 'kill':
      return await killAt(fault, injected);
    case 'freeze':
      return freeze(fault, injected);
    case 'restart':
      return restart(fault, injected);
    case 'net':
      return breakNetwork(fault, injected);
    case 'redis-tail':
      return await loseRedisTail(fault, injected);
    case 'disk-full':
      return fillDisk(fault, injected);
    case 'share':
      return shareFault(fault, injected);
    case 'late-rename':
      return await lateRename(injected);
    case 'disk-lost':
      return loseDisk(fault, injected);
    case 'clone':
      return clone(fault, injected);
  }
}

/** The things that a fault has in its hands. Who is struck at a moment is known only then: it takes all of its kind. */
function claimsOf(fault: Fault, { farm }: Injected): readonly string[] {
  const agents = farm.agents.map(({ agentId }) => agentId);
  const agentOf = (victim: number): string => agents[victim % agents.length] ?? '';
  switch (fault.kind) {
    case 'kill':
      if (fault.who === 'agent') return ['an agent is killed'];
      return fault.who === 'ffmpeg' ? ['renderers'] : [fault.who];
    case 'freeze':
      if (fault.who === 'agent') return ['an agent is frozen'];
      return fault.who === 'ffmpeg'
        ? ['renderers']
        : fault.who === 'share'
          ? ['share children']
          : [fault.who];
    case 'restart':
      return fault.who === 'agent' ? ['an agent is killed'] : ['controller'];
    case 'net':
      return [`network of ${fault.link} ${fault.link === 'agent' ? agentOf(fault.victim) : ''}`];
    case 'redis-tail':
      // Somebody must have in memory what Redis loses.
      return ['redis', 'controller', 'network of redis '];
    case 'disk-full':
      return [`disk of ${fault.whose}`];
    case 'share':
      return ['share'];
    case 'late-rename':
      return ['an agent is killed', 'share children'];
    case 'disk-lost':
      return ['an agent is killed'];
    case 'clone':
      return ['clone'];
  }
}
