import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { AttemptView, Explanation } from '../../views.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { bytesText, clockText, safeText, timeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { tableLines } from '../table.ts';
import { say, type Terminal } from '../terminal.ts';

/** Why a job is where it is. */
export async function explain(
  client: RenderfarmClient,
  terminal: Terminal,
  jobId: string,
): Promise<ExitCode> {
  const explanation = await client.explain(jobId, { signal: terminal.signal });
  if (terminal.json) say(terminal, jsonLine(explanation));
  else for (const line of explanationLines(explanation)) say(terminal, line);
  return exitCodes.ok;
}

/** What every try of a job came to. */
export async function attempts(
  client: RenderfarmClient,
  terminal: Terminal,
  jobId: string,
): Promise<ExitCode> {
  const all: AttemptView[] = [];
  for await (const attempt of client.attempts(jobId, { signal: terminal.signal })) {
    if (terminal.json) say(terminal, jsonLine(attempt));
    else all.push(attempt);
  }
  if (!terminal.json) for (const line of attemptLines(all)) say(terminal, line);
  return exitCodes.ok;
}

function explanationLines(explanation: Explanation): readonly string[] {
  const { job, summary, placeInOrder, agents, plannedAgentId, plannedStartMs } = explanation;
  const start = plannedStartMs === undefined ? '' : ` in ${clockText(plannedStartMs)}`;
  return [
    // Some summaries begin with the state, and need no second one.
    safeText(`${job.jobId} ${summary.startsWith(job.state) ? summary : `is ${job.state}: ${summary}`}`),
    ...(placeInOrder === undefined ? [] : [`Place in the order of ${job.queue}: ${placeInOrder}`]),
    ...(plannedAgentId === undefined ? [] : [`Planned on ${plannedAgentId}${start}`]),
    // A job that has ended, or runs, is nobody's question any more.
    ...(agents.length === 0
      ? []
      : tableLines(
          ['AGENT', 'CAN TAKE IT', 'WOULD END IN', 'REASONS'],
          agents.map(({ agentId, feasible, expectedCompletionMs, reasons }) => [
            agentId,
            feasible ? 'yes' : 'no',
            expectedCompletionMs === undefined ? '' : clockText(expectedCompletionMs),
            reasons.join('; '),
          ]),
        )),
  ];
}

function attemptLines(all: readonly AttemptView[]): readonly string[] {
  const table = tableLines(
    ['#', 'AGENT', 'STATE', 'OUTCOME', 'ASSIGNED', 'RUN', 'COPIED', 'REUSED', 'MESSAGE'],
    all.map(({ number, agentId, state, outcome, assignedAt, usage, message }) => [
      String(number),
      agentId,
      state,
      outcome ?? '',
      timeText(assignedAt),
      usage === undefined ? '' : clockText(usage.runMs),
      usage === undefined ? '' : bytesText(usage.copiedBytes),
      usage === undefined ? '' : bytesText(usage.reusedBytes),
      message ?? '',
    ]),
  );
  const tail = all.at(-1)?.stderrTail ?? [];
  return [...table, ...tail.map((line) => safeText(`  ${line}`))];
}
