import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { ShadowComparisonView, ShadowSideView, ShadowVerdict } from '../../shadow-views.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { bytesText, clockText, safeText } from '../format.ts';
import { jsonLine } from '../json-lines.ts';
import { tableLines } from '../table.ts';
import { note, say, type Terminal } from '../terminal.ts';

/** What the farm rendered in shadow mode beside what the other farm made of the same jobs. */
export async function shadow(client: RenderfarmClient, terminal: Terminal): Promise<ExitCode> {
  const all: ShadowComparisonView[] = [];
  let trouble: string | undefined;
  for await (const report of client.operator.shadowReports({ signal: terminal.signal })) {
    trouble ??= report.trouble;
    if (terminal.json) for (const job of report.jobs) say(terminal, jsonLine(job));
    else all.push(...report.jobs);
  }
  if (trouble !== undefined)
    note(terminal, `The rows of the other farm could not be read: ${safeText(trouble)}`);
  if (!terminal.json) for (const line of reportLines(all)) say(terminal, line);
  return exitCodes.ok;
}

function reportLines(all: readonly ShadowComparisonView[]): readonly string[] {
  const head = [
    'JOB',
    'VERDICT',
    'OURS',
    'OLD',
    'TIME',
    'OLD TIME',
    'LENGTH',
    'OLD LENGTH',
    'FRAMES',
    'SIZE',
    'WHY',
  ];
  const rows = all.map(({ jobId, verdict, ours, old, frames, sizeBytes }) => [
    jobId,
    verdict,
    ours.status,
    old?.status ?? '',
    wallText(ours),
    wallText(old),
    lengthText(ours),
    lengthText(old),
    String(frames ?? ''),
    sizeBytes === undefined ? '' : bytesText(sizeBytes),
    ours.errorMessage ?? old?.errorMessage ?? '',
  ]);
  return [...tableLines(head, rows), summaryLine(all)];
}

/** How many of what, and how much faster: of those that both completed. */
function summaryLine(all: readonly ShadowComparisonView[]): string {
  const counts = new Map<ShadowVerdict, number>();
  for (const { verdict } of all) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const words = [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', ');
  const ratios = all
    .filter(({ verdict }) => verdict === 'same' || verdict === 'length-differs')
    .flatMap(({ ours, old }) => ratioOf(wallMs(ours), wallMs(old)) ?? [])
    .sort((a, b) => a - b);
  const middle = ratios[Math.floor(ratios.length / 2)];
  const speed = middle === undefined ? '' : `; median time ${middle.toFixed(2)} of the old`;
  return `${all.length} jobs${words === '' ? '' : `: ${words}`}${speed}`;
}

function ratioOf(ours: number | undefined, old: number | undefined): number | undefined {
  return ours === undefined || old === undefined || old <= 0 ? undefined : ours / old;
}

function wallMs(side: ShadowSideView | undefined): number | undefined {
  if (side?.startedAt === undefined || side.endedAt === undefined) return undefined;
  return side.endedAt.getTime() - side.startedAt.getTime();
}

function wallText(side: ShadowSideView | undefined): string {
  const ms = wallMs(side);
  return ms === undefined || ms < 0 ? '' : clockText(ms);
}

function lengthText(side: ShadowSideView | undefined): string {
  return side?.durationMs === undefined ? '' : clockText(side.durationMs);
}
