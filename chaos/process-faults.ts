import type { Program } from './child-process.ts';
import type { ChaosFarm, FarmAgent } from './farm.ts';
import type { Fault } from './fault.ts';
import { type Injected, type Injection, skipped, victimOf } from './injection.ts';
import type { Moment, MomentName, Moments } from './moments.ts';
import { renderersIn, shareChildrenOf, signalQuietly } from './own-processes.ts';

/** A moment that has not come in this time does not come to this fault: on a busy machine a job takes 10 s and more. */
const momentLimitMs = 30_000;
/** Everything of ours ends within it when it is asked to. */
const stopGraceMs = 8_000;

/** kill -9 when the moment is seen, and a new start when the fault is over. */
export async function killAt(fault: Fault & { kind: 'kill' }, injected: Injected): Promise<Injection> {
  const { farm } = injected;
  let struck: Program | number | undefined;
  const moment = await strikeAt(fault.at, injected, (seen) => {
    if (fault.who === 'ffmpeg') return (struck = killRenderer(farm, seen)) !== undefined;
    const program = programOf(fault, farm, seen);
    struck = program;
    return program?.signal('SIGKILL') ?? false;
  });
  if (moment === undefined || struck === undefined) return skipped(`no ${fault.at} was seen`);
  const about = `at ${fault.at} of ${moment.jobId ?? 'the store'}`;
  if (typeof struck === 'number')
    return { did: `killed the renderer ${struck} ${about}`, undo: () => undefined };
  const program = struck;
  return { did: `killed ${program.name} ${about}`, undo: () => program.startAgain() };
}

export function freeze(fault: Fault & { kind: 'freeze' }, { farm }: Injected): Injection {
  if (fault.who === 'ffmpeg' || fault.who === 'share') {
    const agent = victimOf(farm.agents, fault.victim);
    const pids = agent === undefined ? [] : childrenOf(farm, agent, fault.who);
    if (agent === undefined || pids.length === 0) return skipped('nothing of the kind runs');
    for (const pid of pids) signalQuietly(pid, 'SIGSTOP');
    return {
      did: `stopped ${pids.length} processes of ${agent.agentId}`,
      undo: () => pids.forEach((pid) => signalQuietly(pid, 'SIGCONT')),
    };
  }
  const program = programOf(fault, farm);
  if (program?.signal('SIGSTOP') !== true) return skipped('it does not run');
  return { did: `stopped ${program.name}`, undo: () => void program.signal('SIGCONT') };
}

export function restart(fault: Fault & { kind: 'restart' }, { farm }: Injected): Injection {
  const program = programOf(fault, farm);
  if (program?.isRunning !== true) return skipped('it does not run');
  const stopping = program.stop(stopGraceMs);
  return {
    did: `asked ${program.name} to stop`,
    async undo() {
      await stopping;
      await program.startAgain();
    },
  };
}

/**
 * The share hangs in the middle of the rename, and the agent dies over it: the child's rename is done when the share
 * answers again, whatever has become of the job by then.
 */
export async function lateRename(injected: Injected): Promise<Injection> {
  const { farm, moments } = injected;
  let pids: readonly number[] = [];
  let agent: FarmAgent | undefined;
  const ready = await strikeAt('ready', injected, (seen) => {
    agent = farm.agents.find(({ agentId }) => agentId === seen.agentId);
    const pid = agent?.program.pid;
    if (pid === undefined) return false;
    pids = shareChildrenOf(farm.run, pid);
    for (const child of pids) signalQuietly(child, 'SIGSTOP');
    return pids.length > 0;
  });
  if (ready === undefined || agent === undefined) return skipped('no attempt was ready');
  const { program, agentId } = agent;
  const granted = await seen(moments, momentLimitMs, (moment) => {
    if (moment.name !== 'granted' || moment.jobId !== ready.jobId) return false;
    return program.signal('SIGKILL');
  });
  return {
    did: `hung the share of ${agentId} with ${ready.jobId ?? ''} ready; ${granted === undefined ? 'no grant came' : 'killed it when it was granted'}`,
    async undo() {
      for (const pid of pids) signalQuietly(pid, 'SIGCONT');
      if (granted !== undefined) await program.startAgain();
    },
  };
}

export function clone(fault: Fault & { kind: 'clone' }, { farm }: Injected): Injection {
  const agent = victimOf(farm.agents, fault.victim);
  if (agent?.program.isRunning !== true) return skipped('it does not run');
  agent.clone.start();
  return { did: `started a second ${agent.agentId}`, undo: () => agent.clone.stop(stopGraceMs) };
}

/** Waits for the moment, and strikes in the very call that saw it. `strike` says whether it struck. */
async function strikeAt(
  at: MomentName,
  { moments, signal }: Injected,
  strike: (moment: Moment) => boolean,
): Promise<Moment | undefined> {
  return await seen(moments, momentLimitMs, (moment) => moment.name === at && strike(moment), signal);
}

function seen(
  moments: Moments,
  limitMs: number,
  take: (moment: Moment) => boolean,
  signal?: AbortSignal,
): Promise<Moment | undefined> {
  const { promise, resolve } = Promise.withResolvers<Moment | undefined>();
  const stopListening = moments.listen((moment) => {
    if (take(moment)) end(moment);
  });
  const timer = setTimeout(() => end(undefined), limitMs);
  const giveUp = (): void => end(undefined);
  signal?.addEventListener('abort', giveUp, { once: true });
  function end(moment: Moment | undefined): void {
    stopListening();
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    resolve(moment);
  }
  return promise;
}

/** Whose moment it is, where that is known, is the one that is struck. */
function programOf(
  { who, victim }: { readonly who: string; readonly victim: number },
  farm: ChaosFarm,
  moment?: Moment,
): Program | undefined {
  if (who === 'redis') return farm.redis;
  if (who === 'agent') {
    const own = farm.agents.find(({ agentId }) => agentId === moment?.agentId);
    return (own ?? victimOf(running(farm.agents), victim))?.program;
  }
  return victimOf(running(farm.controllers), victim)?.program;
}

function running<T extends { readonly program: Program }>(from: readonly T[]): readonly T[] {
  return from.filter(({ program }) => program.isRunning && !program.isFrozen);
}

function killRenderer(farm: ChaosFarm, { agentId }: Moment): number | undefined {
  const agent = farm.agents.find((each) => each.agentId === agentId);
  const pid = agent === undefined ? undefined : renderersIn(farm.run, agent.dataDir)[0]?.pid;
  return pid !== undefined && signalQuietly(pid, 'SIGKILL') ? pid : undefined;
}

function childrenOf(farm: ChaosFarm, agent: FarmAgent, who: 'ffmpeg' | 'share'): readonly number[] {
  if (who === 'ffmpeg') return renderersIn(farm.run, agent.dataDir).map(({ pid }) => pid);
  return agent.program.pid === undefined ? [] : shareChildrenOf(farm.run, agent.program.pid);
}
