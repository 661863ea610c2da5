import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { AgentView, QueueView } from '../../views.ts';
import { modeText, modeWord } from '../agent-lines.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { bytesText, clockText, safeText, speedText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { pauseText } from '../queue-lines.ts';
import { tableLines } from '../table.ts';
import { say, type Terminal } from '../terminal.ts';

export async function agents(client: RenderfarmClient, terminal: Terminal): Promise<ExitCode> {
  const all: AgentView[] = [];
  for await (const agent of client.agents({ signal: terminal.signal })) {
    if (terminal.json) say(terminal, jsonLine(agent));
    else all.push(agent);
  }
  if (!terminal.json) for (const line of agentTable(all)) say(terminal, line);
  for (const agent of terminal.json ? [] : all) {
    if (agent.mode !== 'active') say(terminal, safeText(`  ${agent.agentId}: ${modeText(agent)}`));
  }
  return exitCodes.ok;
}

export async function queues(client: RenderfarmClient, terminal: Terminal): Promise<ExitCode> {
  const all = await client.queues({ signal: terminal.signal });
  if (terminal.json) for (const queue of all) say(terminal, jsonLine(queue));
  else for (const line of queueTable(all)) say(terminal, line);
  return exitCodes.ok;
}

function agentTable(all: readonly AgentView[]): readonly string[] {
  return tableLines(
    [
      ...['AGENT', 'STATE', 'MODE', 'SLOTS', 'QUEUES', 'GPU', 'ENCODER', 'SPEED', 'FORECAST', 'LOAD'],
      ...['SCRATCH', 'ROOM', 'JOBS', 'NEXT'],
    ],
    all.map((agent) => [
      agent.agentId,
      agent.liveness,
      modeWord(agent),
      `${agent.slotsBusy}/${agent.slots}`,
      agent.queues.join(','),
      agent.gpus.join(', '),
      agent.encoders[0]?.encoder ?? '',
      agent.speeds.map(speedOf).join(', '),
      agent.forecastErrors.map(errorOf).join(', '),
      agent.loadAverage1m.toFixed(1),
      bytesText(agent.scratchFreeBytes),
      agent.roomBytes === undefined ? '' : bytesText(agent.roomBytes),
      agent.held.map(({ jobId, progressPercent }) => `${jobId} ${progressPercent}%`).join(', '),
      agent.announcedJobIds.join(', '),
    ]),
  );
}

/** `hd 3.2x`; by test encodes only: `hd ~3.2x`. */
function speedOf({ workClass, speed, runs }: AgentView['speeds'][number]): string {
  return `${workClass} ${runs === 0 ? '~' : ''}${speedText(speed)}`;
}

/** Time that renders took over what was predicted, the median and what one in ten exceeded: `hd 1.1 (1.6)`. */
function errorOf({ workClass, median, p90 }: AgentView['forecastErrors'][number]): string {
  return `${workClass} ${median.toFixed(1)} (${p90.toFixed(1)})`;
}

type Column = readonly [head: string, cell: (queue: QueueView) => string];

const queueColumns: readonly Column[] = [
  ['QUEUE', ({ name }) => name],
  ['WAITING', ({ waiting }) => String(waiting)],
  ['PROCESSING', ({ processing }) => String(processing)],
  ['AGENTS', ({ agentsAttached, agentsSubscribed }) => `${agentsAttached}/${agentsSubscribed}`],
  ['OLDEST WAIT', ({ oldestWaitMs }) => clock(oldestWaitMs)],
  ['SOFT LIMIT', ({ softRunLimitMs }) => clock(softRunLimitMs)],
  ['HARD LIMIT', ({ hardRunLimitMs }) => clock(hardRunLimitMs)],
];

/** Shown where some queue has one. */
const queueColumnsIfUsed: readonly Column[] = [
  ['WEIGHT', ({ weight }) => String(weight ?? '')],
  ['RUNNING MAX', ({ runningMax }) => String(runningMax ?? '')],
  ['JOBS MAX', ({ jobsMax }) => String(jobsMax ?? '')],
  ['PAUSED', ({ pause }) => (pause === undefined ? '' : pauseText(pause))],
];

function queueTable(all: readonly QueueView[]): readonly string[] {
  const used = queueColumnsIfUsed.filter(([, cell]) => all.some((queue) => cell(queue) !== ''));
  const columns = [...queueColumns, ...used];
  return tableLines(
    columns.map(([head]) => head),
    all.map((queue) => columns.map(([, cell]) => cell(queue))),
  );
}

function clock(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '' : clockText(milliseconds);
}
