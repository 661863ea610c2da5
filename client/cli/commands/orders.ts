import { userInfo } from 'node:os';
import type { OrderOptions } from '../../farm-operator.ts';
import type { JobInput } from '../../job-input.ts';
import type { JobOrderOptions, RenderfarmClient } from '../../renderfarm-client.ts';
import type { AgentView, JobView, QueueView } from '../../views.ts';
import { modeText } from '../agent-lines.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { safeText } from '../format.ts';
import { stateText } from '../job-lines.ts';
import { jsonLine } from '../json-lines.ts';
import { pauseText } from '../queue-lines.ts';
import { say, type Terminal } from '../terminal.ts';

/** What a verb is called with, and what its result is called in `--json`. */
export const jobVerbs = {
  cancel: 'cancelled',
  retry: 'retried',
  hold: 'held',
  release: 'released',
} as const;

export type JobVerb = keyof typeof jobVerbs;

export interface OrderCommandOptions {
  readonly reason?: string;
}

/** One verb, job after job; the first that is refused ends it. */
export async function orderJobs(
  client: RenderfarmClient,
  terminal: Terminal,
  verb: JobVerb,
  jobIds: readonly string[],
  options: OrderCommandOptions,
): Promise<ExitCode> {
  for (const jobId of jobIds) {
    const job = await client[verb](jobId, jobOptions(terminal, options));
    sayJob(terminal, jobVerbs[verb], job, stateText(job));
  }
  return exitCodes.ok;
}

export async function setPriority(
  client: RenderfarmClient,
  terminal: Terminal,
  [priority, ...jobIds]: readonly [NonNullable<JobInput['priority']>, ...string[]],
  options: OrderCommandOptions,
): Promise<ExitCode> {
  for (const jobId of jobIds) {
    const job = await client.setPriority(jobId, priority, jobOptions(terminal, options));
    sayJob(terminal, 'priority', job, `${job.priority}; ${stateText(job)}`);
  }
  return exitCodes.ok;
}

export async function annul(
  client: RenderfarmClient,
  terminal: Terminal,
  jobId: string,
  options: OrderCommandOptions,
): Promise<ExitCode> {
  const job = await client.operator.annulPublication(jobId, jobOptions(terminal, options));
  sayJob(terminal, 'annulling', job, stateText(job));
  return exitCodes.ok;
}

export type AgentVerb = 'cordon' | 'uncordon' | 'drain' | 'evict';

export interface EvictCommandOptions extends OrderCommandOptions {
  /** Seconds. */
  readonly deadline?: number;
}

export async function orderAgents(
  client: RenderfarmClient,
  terminal: Terminal,
  verb: AgentVerb,
  agentIds: readonly string[],
  { deadline, ...options }: EvictCommandOptions,
): Promise<ExitCode> {
  for (const agentId of agentIds) {
    const agent = await client.operator[verb](agentId, {
      ...agentOptions(terminal, options),
      ...(deadline !== undefined && { deadlineMs: deadline * 1_000 }),
    });
    sayAgent(terminal, agent);
  }
  return exitCodes.ok;
}

export async function forgetAgents(
  client: RenderfarmClient,
  terminal: Terminal,
  agentIds: readonly string[],
): Promise<ExitCode> {
  for (const agentId of agentIds) {
    await client.operator.forget(agentId, agentOptions(terminal, {}));
    if (terminal.json) say(terminal, jsonLine({ event: 'forgotten', agentId }));
    else say(terminal, `${safeText(agentId)}  forgotten`);
  }
  return exitCodes.ok;
}

export type QueueVerb = 'pause' | 'resume';

export async function orderQueues(
  client: RenderfarmClient,
  terminal: Terminal,
  verb: QueueVerb,
  names: readonly string[],
  options: OrderCommandOptions,
): Promise<ExitCode> {
  const method = verb === 'pause' ? 'pauseQueue' : 'resumeQueue';
  for (const name of names) {
    const queue = await client.operator[method](name, agentOptions(terminal, options));
    sayQueue(terminal, queue);
  }
  return exitCodes.ok;
}

export async function shareReplaced(
  client: RenderfarmClient,
  terminal: Terminal,
  share: string,
  options: OrderCommandOptions,
): Promise<ExitCode> {
  await client.operator.declareShareReplaced(share, jobOptions(terminal, options));
  if (terminal.json) say(terminal, jsonLine({ event: 'share-replaced', share }));
  else say(terminal, `${safeText(share)}  is another share from now on`);
  return exitCodes.ok;
}

function jobOptions({ signal }: Terminal, { reason }: OrderCommandOptions): JobOrderOptions {
  return { signal, ...(reason !== undefined && { reason }) };
}

function agentOptions(terminal: Terminal, options: OrderCommandOptions): OrderOptions {
  return { ...jobOptions(terminal, options), by: operatorName() };
}

/** Who sits here, for the agent's record; a system without a user has no name for us. */
function operatorName(): string {
  try {
    return userInfo().username.slice(0, 128);
  } catch {
    return '';
  }
}

function sayJob(terminal: Terminal, event: string, job: JobView, text: string): void {
  if (terminal.json) say(terminal, jsonLine({ event, job }));
  else say(terminal, `${job.jobId}  ${safeText(text)}`);
}

function sayQueue(terminal: Terminal, queue: QueueView): void {
  if (terminal.json) say(terminal, jsonLine({ event: 'queue', queue }));
  else {
    const state = queue.pause === undefined ? 'not paused' : `paused ${pauseText(queue.pause)}`;
    say(terminal, safeText(`${queue.name}  ${state}; ${queue.waiting} wait, ${queue.processing} run`));
  }
}

function sayAgent(terminal: Terminal, agent: AgentView): void {
  if (terminal.json) say(terminal, jsonLine({ event: 'agent', agent }));
  else say(terminal, safeText(`${agent.agentId}  ${modeText(agent)}${heldText(agent)}`));
}

function heldText({ held }: AgentView): string {
  return held.length === 0 ? '' : `; still runs ${held.map(({ jobId }) => jobId).join(', ')}`;
}
