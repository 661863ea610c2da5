import { setTimeout as pause } from 'node:timers/promises';
import type { AgentPlanView, BlockedView, PlannedJobView, PlanView } from '../../plan-views.ts';
import type { RenderfarmClient } from '../../renderfarm-client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { clockText, safeText, timeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { isInteractive, say, type Terminal, widthOf } from '../terminal.ts';
import { wrapped } from '../wrap.ts';

export interface PlanCommandOptions {
  readonly watch?: boolean;
}

/** `--watch` looks again after this. */
const lookMs = 2_000;
/** To the top left, and all below is empty. */
const clearScreen = '\u001B[H\u001B[J';

/** What each render PC does now, and will do next; with `watch` until Ctrl-C. */
export async function plan(
  client: RenderfarmClient,
  terminal: Terminal,
  { watch = false }: PlanCommandOptions,
): Promise<ExitCode> {
  const { signal } = terminal;
  for (;;) {
    const view = await client.plan({ signal });
    if (watch && isInteractive(terminal)) terminal.stdout.write(clearScreen);
    if (terminal.json) say(terminal, jsonLine(view));
    else for (const line of planLines(view, widthOf(terminal))) say(terminal, line);
    if (!watch) return exitCodes.ok;
    await pause(lookMs, undefined, { signal });
  }
}

function planLines(view: PlanView, width: number): readonly string[] {
  const { at, agents, blocked, waiting, placed } = view;
  const jobs = waiting === 1 ? '1 job waits' : `${waiting} jobs wait`;
  const isEmpty = agents.every(({ running, next }) => running.length + next.length === 0);
  return [
    `${jobs}, ${placed} planned (${timeText(at)}); times are from now`,
    ...(isEmpty ? [] : ['', columns('STARTS', 'ENDS', `${'JOB'.padEnd(36)}  USER`)]),
    ...agents.flatMap((agent) => agentLines(agent, width)),
    ...(blocked.length === 0 ? [] : ['', 'Without a place:']),
    ...blocked.flatMap((each) => blockedLines(each, width)),
  ];
}

function agentLines(agent: AgentPlanView, width: number): readonly string[] {
  const { agentId, closed, slots, running, next } = agent;
  const busy = `${running.length} of ${slots} ${slots === 1 ? 'slot' : 'slots'} busy`;
  const free = next.length === 0 && running.length === 0 ? 'idle' : busy;
  const words = closed.length > 0 ? closed.join('; ') : free;
  return [
    '',
    ...wrapped(safeText(`${agentId}: ${words}`), width, 2),
    ...running.map((job) => jobLine('now', job)),
    ...next.map((job) => jobLine(job.startMs === 0 ? 'soon' : clockText(job.startMs), job)),
  ];
}

/** `  7:10     9:42     aaaaaaaa-0000-4000-8000-000000000001  ana  fetching`. */
function jobLine(start: string, { endMs, jobId, userId, announced, overdue, helps }: PlannedJobView): string {
  const end = endMs === undefined ? '' : clockText(endMs);
  const marks = [
    announced ? 'fetching' : '',
    overdue ? 'overdue' : '',
    helps === undefined ? '' : `item ${helps.position} for ${helps.agentId}`,
  ]
    .filter(Boolean)
    .join(' ');
  return safeText(columns(start, end, `${jobId}  ${userId}  ${marks}`)).trimEnd();
}

function columns(start: string, end: string, rest: string): string {
  return `  ${start.padEnd(8)} ${end.padEnd(8)} ${rest}`;
}

function blockedLines({ reason, jobs, jobIds }: BlockedView, width: number): readonly string[] {
  const count = jobs === 1 ? '1 job' : `${jobs} jobs`;
  const more = jobs > jobIds.length ? ` and ${jobs - jobIds.length} more` : '';
  return [
    ...wrapped(safeText(`  ${count}: ${reason}`), width, 4),
    ...wrapped(safeText(`    ${jobIds.join(' ')}${more}`), width, 4),
  ];
}
