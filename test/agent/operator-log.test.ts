import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import type { Input } from '../../agent/core/inputs.ts';
import { createOperatorLog } from '../../agent/operator-log.ts';
import type { FinishedOutcome } from '../../proto/index.ts';
import { assignment, jobRef, manifest, usage } from '../helpers/agent-core.ts';

function listen() {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const clock = { ms: 1_000 };
  const log = createOperatorLog(pino({ level: 'info', base: {} }, stream), () => clock.ms);
  const told = () => lines.map(({ msg, jobId, fence }) => [msg, jobId, fence]);
  return { lines, told, clock, log };
}

const ref = jobRef('job-a', 4);
const assign = assignment(ref);
const outcome = (changes: Partial<FinishedOutcome>): FinishedOutcome => ({
  outcome: 'published',
  problems: [],
  stderrTail: [],
  usage,
  ...changes,
});
const prefetch = (
  state: 'fetching' | 'done' | 'failed',
  announcementId = 'n1',
): Extract<Input, { type: 'prefetch' }> => ({
  type: 'prefetch',
  report: { announcementId, jobId: 'job-b', state, files: 2, bytes: 20 },
});

test('An attempt is four lines at level info, with job, fence and figures, however much progress it reports', () => {
  const { lines, told, clock, log } = listen();
  log.decided({ type: 'start-attempt', assign });
  log.heard({
    type: 'attempt',
    ref,
    report: { type: 'prepared', copiedBytes: 7, reusedBytes: 5, totalFrames: 60 },
  });
  for (let percent = 0; percent <= 90; percent += 1) {
    const report = { percent, framesDone: percent, framesTotal: 90, waitedForSharesMs: 0 };
    log.heard({ type: 'attempt', ref, report: { type: 'progress', ...report } });
    log.heard({
      type: 'attempt',
      ref,
      report: { type: 'segment', position: percent, reused: false, frames: 1 },
    });
  }
  clock.ms += 2_500;
  log.heard({ type: 'attempt', ref, report: { type: 'encoded' } });
  log.heard({ type: 'attempt', ref, report: { type: 'staged', manifest, usage } });
  log.decided({
    type: 'clean-up',
    assign,
    finished: outcome({ publishedPath: '\\\\nas\\Out\\C.mp4' }),
    startedAs: ref,
  });
  assert.deepEqual(told(), [
    ['attempt accepted', 'job-a', '1.4'],
    ['attempt started', 'job-a', '1.4'],
    ['attempt encoded', 'job-a', '1.4'],
    ['attempt published', 'job-a', '1.4'],
  ]);
  assert.deepEqual([lines[1]?.['copiedBytes'], lines[1]?.['totalFrames']], [7, 60]);
  assert.equal(lines[2]?.['sinceAcceptedMs'], 2_500);
  assert.deepEqual(
    [lines[3]?.['publishedPath'], lines[3]?.['runMs'], lines[3]?.['framesEncoded']],
    ['\\\\nas\\Out\\C.mp4', 1_000, 30],
  );
});

test('A failed attempt is a warning that says why; a cancelled one is none', () => {
  const { lines, told, log } = listen();
  const problems = [1, 2].map((position) => ({ position, code: 'FILE_MISSING', message: 'gone' }));
  const failed = {
    outcome: 'failed',
    failureClass: 'input',
    message: 'Failed to copy 2 files',
    problems,
  } as const;
  log.decided({ type: 'clean-up', assign, finished: outcome(failed), startedAs: ref });
  log.decided({
    type: 'clean-up',
    assign,
    finished: outcome({ outcome: 'cancelled', message: 'asked' }),
    startedAs: ref,
  });
  assert.deepEqual(
    told().map(([message]) => message),
    ['attempt failed', 'attempt cancelled'],
  );
  assert.deepEqual(
    lines.map(({ level }) => level),
    [40, 30],
  );
  assert.deepEqual(lines[0]?.['codes'], ['FILE_MISSING']);
  assert.equal(lines[0]['reason'], 'Failed to copy 2 files');
});

test('An attempt that waits says why once a reason, and publishing that waits says so', () => {
  const { lines, told, log } = listen();
  log.decided({ type: 'start-attempt', assign });
  for (const reason of ['ENOENT', 'ENOENT', 'EIO']) {
    const progress = { percent: 95, framesDone: 1, framesTotal: 1, waitedForSharesMs: 0 };
    const waiting = { reason, waitedMs: 10 };
    log.heard({ type: 'attempt', ref, report: { type: 'progress', ...progress, waiting } });
  }
  log.heard({ type: 'publish-result', ref, result: { type: 'retry', detail: 'EBUSY' } });
  assert.deepEqual(
    told().map(([message]) => message),
    ['attempt accepted', 'attempt waits', 'attempt waits', 'publishing waits'],
  );
  assert.deepEqual(
    lines.map(({ reason }) => reason),
    [undefined, 'ENOENT', 'EIO', 'EBUSY'],
  );
});

test('A prefetch is one line, whichever way it ends', () => {
  const { lines, told, log } = listen();
  const announce = { kind: 'announce', jobId: 'job-b', channelName: 'C', items: [] } as const;
  for (const announcementId of ['n1', 'n2', 'n3']) {
    log.decided({ type: 'start-prefetch', announce: { ...announce, announcementId } });
    log.heard(prefetch('fetching', announcementId));
  }
  const stop = { type: 'stop-prefetch', jobId: 'job-b' } as const;
  log.heard(prefetch('done', 'n1'));
  log.decided({ ...stop, announcementId: 'n1', why: 'assigned' });
  log.heard(prefetch('failed', 'n2'));
  log.decided({ ...stop, announcementId: 'n3', why: 'withdrawn' });
  log.heard(prefetch('done', 'n3'));
  assert.deepEqual(
    told().map(([message]) => message),
    ['prefetch done', 'prefetch failed', 'prefetch given up or handed over'],
  );
  assert.deepEqual([lines[0]?.['files'], lines[0]?.['bytes']], [2, 20]);
});
