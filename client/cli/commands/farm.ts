import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { AgentView, QueueView } from '../../views.ts';
import { modeText, modeWord } from '../agent-lines.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { bytesText, clockText, safeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
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
    ['AGENT', 'STATE', 'MODE', 'SLOTS', 'QUEUES', 'GPU', 'ENCODER', 'LOAD', 'SCRATCH', 'JOBS', 'NEXT'],
    all.map((agent) => [
      agent.agentId,
      agent.liveness,
      modeWord(agent),
      `${agent.slotsBusy}/${agent.slots}`,
      agent.queues.join(','),
      agent.gpus.join(', '),
      agent.encoders[0]?.encoder ?? '',
      agent.loadAverage1m.toFixed(1),
      bytesText(agent.scratchFreeBytes),
      agent.held.map(({ jobId, progressPercent }) => `${jobId} ${progressPercent}%`).join(', '),
      agent.announcedJobIds.join(', '),
    ]),
  );
}

function queueTable(all: readonly QueueView[]): readonly string[] {
  return tableLines(
    ['QUEUE', 'WAITING', 'PROCESSING', 'AGENTS', 'OLDEST WAIT', 'SOFT LIMIT', 'HARD LIMIT'],
    all.map((queue) => [
      queue.name,
      String(queue.waiting),
      String(queue.processing),
      `${queue.agentsAttached}/${queue.agentsSubscribed}`,
      clock(queue.oldestWaitMs),
      clock(queue.softRunLimitMs),
      clock(queue.hardRunLimitMs),
    ]),
  );
}

function clock(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '' : clockText(milliseconds);
}
