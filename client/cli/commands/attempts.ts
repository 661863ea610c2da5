import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { AttemptView } from '../../views.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { bytesText, clockText, safeText, timeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { tableLines } from '../table.ts';
import { say, type Terminal } from '../terminal.ts';

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
