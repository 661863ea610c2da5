import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type FailureCategory, failureKinds, failureRows } from '../agent/render/failure-table.ts';
import { repositoryFolder } from './checks.ts';

export const failuresDocument = 'docs/failures.md';

/** The document of FFmpeg's failures, made from the table that the agent reads. */
export function failuresText(): string {
  const kinds = Object.entries(failureKinds) as [FailureCategory, (typeof failureKinds)[FailureCategory]][];
  return [
    '# When FFmpeg fails',
    '',
    'Made by `npm run gen:docs` from `agent/render/failure-table.ts`: change that.',
    '',
    'What FFmpeg said decides, and its exit code only where its words say nothing. Class `input` fails a job at once,',
    '`job` uses one of its three attempts, `environment` is not charged: the job goes elsewhere. The code is in the',
    "attempt's problems (`renderfarm attempts`), FFmpeg's last 50 lines in `job.log`, all of them in",
    '`ffmpeg_stderr.txt`. Three different jobs in a row that fail for reasons of one PC make it sick; it is well again when',
    'what failed works there. After `GPU_LOST` that is the card: that its processor can encode does not heal it.',
    '',
    '| category | meaning | class | code | what to do |',
    '| --- | --- | --- | --- | --- |',
    ...kinds.map(
      ([category, { meaning, failureClass, code, advice }]) =>
        `| ${category} | ${meaning} | \`${failureClass}\` | \`${code}\` | ${advice} |`,
    ),
    '',
    '## The words',
    '',
    'The first row with a match wins: a cause stands before what follows from it, the PC before the source, the source',
    'before our filters. Every row is tested with recorded samples (`test/fixtures/ffmpeg-says/`) of FFmpeg 5.1 and 7.0 that',
    'were run, on Debian and on an NVIDIA H100, and of 5.1, 7.1 and 9.0 that were put together from its source or taken from',
    'issues, because no card with a video encoder was at hand: each says which.',
    '',
    '| category | pattern |',
    '| --- | --- |',
    ...failureRows.map(
      ({ category, pattern }) => `| ${category} | \`${pattern.source.replaceAll('|', '\\|')}\` |`,
    ),
    '',
  ].join('\n');
}

if (import.meta.main) {
  writeFileSync(join(repositoryFolder, failuresDocument), failuresText());
  process.stdout.write(`Wrote ${failuresDocument}\n`);
}
