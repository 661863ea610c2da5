import type { Explanation, OpinionView } from '../../explanation-views.ts';
import type { RenderfarmClient } from '../../renderfarm-client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { bytesText, clockText, safeText, speedText, timeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { tableLines } from '../table.ts';
import { say, type Terminal, widthOf } from '../terminal.ts';
import { wrapped } from '../wrap.ts';

/** Why a job is where it is: the answer first, then what it is made of. */
export async function explain(
  client: RenderfarmClient,
  terminal: Terminal,
  jobId: string,
): Promise<ExitCode> {
  const explanation = await client.explain(jobId, { signal: terminal.signal });
  if (terminal.json) say(terminal, jsonLine(explanation));
  else for (const line of explanationLines(explanation, widthOf(terminal))) say(terminal, line);
  return exitCodes.ok;
}

function explanationLines(explanation: Explanation, width: number): readonly string[] {
  const { job, summary, agents } = explanation;
  // Most summaries say the state, and need no second one.
  const saysState = summary.startsWith(job.state) || /^(waits|starts) /u.test(summary);
  const answer = saysState ? summary : `is ${job.state}: ${summary}`;
  const feasible = agents.filter((opinion) => opinion.feasible);
  const others = agents.filter((opinion) => !opinion.feasible);
  return [
    ...wrapped(safeText(`${job.jobId} ${answer}`), width, 2),
    ...factLines(explanation).flatMap(([name, text]) =>
      wrapped(`${(name === '' ? '' : `${name}:`).padEnd(10)}${safeText(text)}`, width, 10),
    ),
    ...(feasible.length === 0 ? [] : ['', ...feasibleLines(feasible, explanation, width)]),
    ...(others.length === 0
      ? []
      : ['', 'Cannot take it:', ...alike(others).flatMap((opinion) => reasonLines(opinion, width))]),
  ];
}

function factLines(explanation: Explanation): readonly (readonly [name: string, text: string])[] {
  const { placeInOrder, order, plannedAgentId, plannedStartMs, plannedEndMs } = explanation;
  const { promisedStart, overdue, basis } = explanation;
  const start = plannedStartMs === undefined ? '' : `, start in ${clockText(plannedStartMs)}`;
  const end = plannedEndMs === undefined ? '' : `, end in ${clockText(plannedEndMs)}`;
  const late = overdue ? ', which has slipped too far: overdue' : '';
  return [
    ...(plannedAgentId === undefined ? [] : [['Planned', `on ${plannedAgentId}${start}${end}`] as const]),
    ...(promisedStart === undefined
      ? []
      : [['Promised', `a start at ${timeText(promisedStart)}${late}`] as const]),
    ...(basis === undefined ? [] : [['Basis', basis] as const]),
    ...(placeInOrder === undefined ? [] : [['Place', `${placeInOrder} in the order`] as const]),
    ...order.map((text, index) => [index === 0 ? 'Order' : '', text] as const),
  ];
}

function feasibleLines(
  feasible: readonly OpinionView[],
  { plannedAgentId }: Explanation,
  width: number,
): readonly string[] {
  const table = tableLines(
    ['CAN TAKE IT', 'FREE IN', 'COPY', 'MISSING', 'RENDER', 'END IN', 'SPEED'],
    feasible.map((opinion) => [
      opinion.agentId === plannedAgentId ? `${opinion.agentId} *` : opinion.agentId,
      spanOf(opinion.freeInMs),
      spanOf(opinion.copyingMs),
      opinion.missingBytes === undefined ? '' : bytesText(opinion.missingBytes),
      spanOf(opinion.renderingMs),
      spanOf(opinion.expectedCompletionMs),
      opinion.speed === undefined ? '' : speedText(opinion.speed),
    ]),
  );
  const notes = feasible.flatMap((opinion) => {
    const { agentId, speedBasis, reasons } = opinion;
    return reasonLines(
      { agentId, reasons: [...reasons, ...(speedBasis === undefined ? [] : [`speed: ${speedBasis}`])] },
      width,
    );
  });
  return [...table, ...notes];
}

/** Agents that answer alike are told together. */
function alike(opinions: readonly OpinionView[]): readonly Pick<OpinionView, 'agentId' | 'reasons'>[] {
  const groups = Map.groupBy(opinions, ({ reasons }) => reasons.join('; '));
  return [...groups.values()].map((group) => ({
    agentId: group.map(({ agentId }) => agentId).join(', '),
    reasons: group[0]?.reasons ?? [],
  }));
}

function reasonLines(
  { agentId, reasons }: Pick<OpinionView, 'agentId' | 'reasons'>,
  width: number,
): readonly string[] {
  if (reasons.length === 0) return [];
  return wrapped(safeText(`  ${agentId}: ${reasons.join('; ')}`), width, 4);
}

function spanOf(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '' : clockText(milliseconds);
}
