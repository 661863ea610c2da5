import type { OpinionView } from '../../explanation-views.ts';
import { parseJobFile } from '../../job-file.ts';
import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { Verification, VerifiedItem } from '../../verify-views.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { clockText, safeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { tableLines } from '../table.ts';
import { say, type Terminal, widthOf } from '../terminal.ts';
import { wrapped } from '../wrap.ts';
import { fileText } from './submit.ts';

/**
 * Looks at a job file and the files of its items, and submits nothing. It is good when the farm would take it and nothing
 * was found that would make it fail.
 */
export async function verify(client: RenderfarmClient, terminal: Terminal, file: string): Promise<ExitCode> {
  const job = parseJobFile(await fileText(file), file === '-' ? 'standard input' : file);
  const said = await client.verify(job, { signal: terminal.signal });
  if (terminal.json) say(terminal, jsonLine({ event: 'verified', file, ...said }));
  else for (const line of verificationLines(said, widthOf(terminal))) say(terminal, line);
  return said.accepted && said.renderable !== false ? exitCodes.ok : exitCodes.invalid;
}

function verificationLines(said: Verification, width: number): readonly string[] {
  const rows = said.items.map((item) => [
    `${item.position}`,
    item.itemType ?? '?',
    stateText(item),
    item.durationMs === undefined ? '' : `${item.measured ? '' : '~'}${clockText(item.durationMs)}`,
    item.width === undefined || item.height === undefined ? '' : `${item.width}x${item.height}`,
    item.is4k === true ? '4K' : '',
    item.codec ?? '',
    item.path ?? item.videoId ?? '',
  ]);
  return [
    ...tableLines(['POS', 'TYPE', 'FILE', 'LENGTH', 'SIZE', '4K', 'CODEC', 'PATH'], rows),
    ...said.items.flatMap((item) => itemLines(item, width)),
    ...said.problems.flatMap(({ field, code, message }) => textLines(`${field}: ${code}: ${message}`, width)),
    '',
    ...answerLines(said).flatMap((text) => textLines(text, width)),
    ...said.agents.filter(({ feasible }) => !feasible).flatMap((agent) => textLines(refusalOf(agent), width)),
  ];
}

function stateText({ pathAvailable, problems }: VerifiedItem): string {
  if (problems.length > 0) return pathAvailable === false ? 'missing' : 'bad';
  return pathAvailable === undefined ? 'unknown' : 'ok';
}

function itemLines(
  { position, problems, warnings, unknown }: VerifiedItem,
  width: number,
): readonly string[] {
  const texts = [
    ...problems.map(({ field, code, message }) => `${field}: ${code}: ${message}`),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...(unknown === undefined ? [] : [`unknown: ${unknown}`]),
  ];
  return texts.flatMap((text) => textLines(`item ${position}: ${text}`, width));
}

function answerLines(said: Verification): readonly string[] {
  const about = said.lengthKnown ? '' : 'about ';
  const videos = `${said.videoCount} video${said.videoCount === 1 ? '' : 's'}`;
  const where = said.queue === undefined ? '' : `; queue ${said.queue}, rule ${said.routeRule ?? ''}`;
  return [
    `${verdictOf(said)}: ${videos}, ${about}${clockText(said.lengthMs)}${where}`,
    ...(said.existed ? ['The farm has a job with this id already.'] : []),
    ...(said.forecast === undefined ? [] : [`It ${said.forecast}${timesOf(said)}`]),
    ...(said.basis === undefined ? [] : [`Basis: ${said.basis}`]),
  ];
}

function verdictOf({ accepted, renderable }: Verification): string {
  if (!accepted) return 'It would be refused';
  if (renderable === false) return 'It would be taken, and fail';
  return renderable === true ? 'It would be taken' : 'It would be taken; not all files could be looked at';
}

function timesOf({ plannedStartMs, plannedEndMs }: Verification): string {
  if (plannedStartMs === undefined || plannedEndMs === undefined) return '';
  return `; start in ${clockText(plannedStartMs)}, end in ${clockText(plannedEndMs)}`;
}

function refusalOf({ agentId, reasons }: OpinionView): string {
  return `${agentId} cannot take it: ${reasons.join('; ')}`;
}

function textLines(text: string, width: number): readonly string[] {
  return wrapped(safeText(text), width, 2);
}
