import { doubts, pauseOf, refusals } from './feasible.ts';
import { effortOf } from './forecast.ts';
import type { Before } from './replay.ts';
import { runningText } from './running-text.ts';
import type { PlannedAgent, Snapshot, WaitingJob } from './snapshot.ts';
import { countText, cutText, gibText, ratioText, toldMs } from './words.ts';

/** What one agent's answer to a waiting job is. */
export interface Opinion {
  readonly agentId: string;
  readonly feasible: boolean;
  /** Why not, all of it; of a feasible one: what it is busy with, and why another one is preferred. */
  readonly reasons: readonly string[];
  /** Feasible, but not looked at while another one is: see its reasons. */
  readonly passedOver?: boolean;
  /** Of a feasible one; times are from now, with all that the plan has placed before. */
  readonly outlook?: Outlook;
}

export interface Outlook {
  /** A slot is free then. */
  readonly freeInMs: number;
  /** The job could begin then: later, where the slot has no room for its files. */
  readonly startInMs: number;
  /** Of its sources, those that are not there now. */
  readonly missingBytes: number;
  /** What is left to copy when it begins, and to render then. */
  readonly copyingMs: number;
  readonly renderingMs: number;
  readonly endInMs: number;
  /** Output rendered in a unit of time, alone on the PC, and what that rests on. */
  readonly speed: number;
  readonly speedBasis: string;
}

/** Characters of a reason: an agent's own word may be longer. */
const reasonMax = 300;

/** Every agent's answer: first those that can take the job, the one where it ends first before the others. */
export function opinionsOf(
  job: WaitingJob,
  { agents, rules, tuning }: Pick<Snapshot, 'agents' | 'rules' | 'tuning'>,
  before: ReadonlyMap<string, Before>,
): readonly Opinion[] {
  const paused = pauseOf(job, rules);
  const answers = agents.map((agent) => {
    const reasons = [...(paused === undefined ? [] : [paused]), ...refusals(job, agent)];
    const there = before.get(agent.agentId);
    if (reasons.length > 0 || there === undefined) return refused(agent.agentId, reasons);
    return answer(job, agent, there, doubts(job, agent, rules, tuning));
  });
  const anyWanted = answers.some(({ opinion, doubt }) => opinion.feasible && doubt === undefined);
  return answers
    .map(({ opinion, doubt }) => {
      if (doubt === undefined) return opinion;
      const passedOver = anyWanted;
      const reason = passedOver ? `passed over while another agent can take it: ${doubt}` : doubt;
      return { ...opinion, passedOver, reasons: [reason, ...opinion.reasons] };
    })
    .map((opinion) => ({ ...opinion, reasons: opinion.reasons.map((reason) => cutText(reason, reasonMax)) }))
    .sort(compareOpinions);
}

interface Answer {
  readonly opinion: Opinion;
  readonly doubt?: string;
}

function refused(agentId: string, reasons: readonly string[]): Answer {
  return { opinion: { agentId, feasible: false, reasons } };
}

function answer(job: WaitingJob, agent: PlannedAgent, before: Before, doubt: string | undefined): Answer {
  const outlook = outlookOf(job, agent, before);
  const opinion = {
    agentId: agent.agentId,
    feasible: true,
    reasons: notesOf(job, agent, before, outlook),
    outlook,
  };
  return { opinion, ...(doubt !== undefined && { doubt }) };
}

function outlookOf(job: WaitingJob, agent: PlannedAgent, { desk }: Before): Outlook {
  const effort = effortOf(job, agent);
  const { startMs, fetchMs, endMs } = desk.outlook(effort);
  const copyingMs = toldMs(fetchMs);
  const startInMs = toldMs(startMs);
  const endInMs = toldMs(endMs);
  return {
    freeInMs: toldMs(desk.freeInMs),
    startInMs,
    missingBytes: Math.max(0, job.sourceBytes - (job.present.get(agent.agentId)?.bytes ?? 0)),
    copyingMs,
    renderingMs: Math.max(0, endInMs - startInMs - copyingMs),
    endInMs,
    ...speedOf(job, agent),
  };
}

function speedOf({ workClass }: WaitingJob, agent: PlannedAgent): Pick<Outlook, 'speed' | 'speedBasis'> {
  const { speed = 0, runs = 0, p90 = 1 } = agent.classes.get(workClass) ?? {};
  const basis = runs === 0 ? 'test encode only' : `median of ${countText(runs, 'render')}`;
  return {
    speed,
    speedBasis: p90 > 1 ? `${basis}; one in ten may take ${ratioText(p90)} times as long` : basis,
  };
}

/** What a feasible agent is busy with, and what speaks for it. */
function notesOf(
  job: WaitingJob,
  agent: PlannedAgent,
  { given }: Before,
  { freeInMs, startInMs }: Outlook,
): readonly string[] {
  const notes: string[] = [];
  if (freeInMs > 0 && agent.running.length > 0) {
    notes.push(`busy: ${runningText(agent)}`);
  }
  if (given.length > 0) notes.push(`${countText(given.length, 'job')} before it`);
  if (startInMs > freeInMs) {
    const room = `needs ${gibText(effortOf(job, agent).roomBytes)}, ${gibText(agent.scratchBytes)} are free`;
    notes.push(`has a slot, but no room until a render there ends: ${room}`);
  }
  if (agent.announced.has(job.jobId)) notes.push('was told to fetch its files');
  return notes;
}

function compareOpinions(a: Opinion, b: Opinion): number {
  return (
    Number(b.feasible) - Number(a.feasible) ||
    Number(a.passedOver ?? false) - Number(b.passedOver ?? false) ||
    (a.outlook?.endInMs ?? 0) - (b.outlook?.endInMs ?? 0) ||
    (a.agentId < b.agentId ? -1 : Number(a.agentId > b.agentId))
  );
}
