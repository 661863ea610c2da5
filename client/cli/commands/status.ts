import type { FarmStatusView, OutboxView } from '../../farm-views.ts';
import type { RenderfarmClient } from '../../renderfarm-client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { clockText, safeText, timeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { say, type Terminal } from '../terminal.ts';

/** Alarms that are shown to people; `--json` has them all. */
const alarmsShown = 20;

/** How things stand at the controller that answers, and in the farm. */
export async function status(client: RenderfarmClient, terminal: Terminal): Promise<ExitCode> {
  const view = await client.operator.status({ signal: terminal.signal });
  if (terminal.json) say(terminal, jsonLine(view));
  else for (const line of statusLines(view)) say(terminal, safeText(line));
  return exitCodes.ok;
}

function statusLines(view: FarmStatusView): readonly string[] {
  const { agents, jobs, alarms, outbox } = view;
  const counts = jobs.map(({ state, count }) => `${count} ${state}`).join(', ');
  return [
    ...controllerLines(view),
    ...(agents === undefined
      ? []
      : [
          line('Jobs', counts === '' ? 'none' : counts),
          line(
            'Agents',
            `${agents.attached} attached, ${agents.suspect} suspect, ${agents.detached} detached`,
          ),
          line('Closed', `${agents.closed} by order, ${agents.sick} sick`),
          line('Slots', `${agents.slotsBusy} of ${agents.slots} busy`),
        ]),
    ...outbox.flatMap(outboxLines),
    ...(alarms.length === 0 ? [] : ['Alarms, newest first:']),
    ...alarms.slice(0, alarmsShown).map(({ at, event, fields }) => {
      const facts = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
      return `  ${timeText(at)}  ${event}  ${facts.join(' ')}`;
    }),
  ];
}

/** One that has heard everything is one line. */
function outboxLines(outbox: OutboxView): readonly string[] {
  const { destination, rows, refused, refusals, oldestSince, awaySince, lastError } = outbox;
  const parts = [
    rows === 0 ? 'has heard everything' : `${rows} jobs wait to be told`,
    ...(oldestSince === undefined ? [] : [`the oldest since ${timeText(oldestSince)}`]),
    ...(awaySince === undefined ? [] : [`away since ${timeText(awaySince)}`]),
    ...(refused === 0 ? [] : [`${refused} refused`]),
  ];
  return [
    line(destination, parts.join(', ')),
    ...(lastError === undefined ? [] : [`  ${lastError}`]),
    ...refusals.map(({ jobId, reason }) => `  refused ${jobId}: ${reason}`),
  ];
}

function controllerLines({ controller, farmId }: FarmStatusView): readonly string[] {
  const { role, since, serving, shadow, leaderId, term, leaderAddresses, durability } = controller;
  const { recoveryUntil, lastCommitAgeMs } = controller;
  const who = [leaderId, term === undefined ? undefined : `term ${term}`, leaderAddresses.join(', ')];
  return [
    ...(shadow ? [line('Mode', "SHADOW: another farm's jobs are rendered, results are kept nowhere")] : []),
    line('Controller', `${role} since ${timeText(since)}${serving ? '' : ', not serving'}`),
    line('Leader', who.filter(Boolean).join(', ')),
    ...(farmId === undefined ? [] : [line('Farm', farmId)]),
    ...(durability === undefined ? [] : [line('Store', durability)]),
    ...(lastCommitAgeMs === undefined ? [] : [line('Stored', `${clockText(lastCommitAgeMs)} ago`)]),
    ...(recoveryUntil === undefined ? [] : [line('Recovery', `until ${timeText(recoveryUntil)}`)]),
  ];
}

function line(name: string, value: string): string {
  return `${`${name}:`.padEnd(12)}${value === '' ? '-' : value}`;
}
