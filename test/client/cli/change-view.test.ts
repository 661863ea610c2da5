import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { changeView } from '../../../client/cli/change-view.ts';
import type { Terminal } from '../../../client/cli/terminal.ts';
import { decodeJob } from '../../../client/decode-job.ts';
import { RenderfarmError } from '../../../client/errors.ts';
import type { jobWire } from '../../../proto/index.ts';
import { failedJob, jobId, publishedJob, runningJob } from '../../helpers/wire-jobs.ts';

/** A terminal whose two streams are texts. */
function textTerminal(isTTY: boolean): Terminal & { texts(): { out: string; err: string } } {
  const stream = () =>
    Object.assign(new PassThrough(), {
      isTTY,
      columns: 200,
      rows: 40,
      clearLine: () => true,
      cursorTo: () => true,
      moveCursor: () => true,
    });
  const [stdout, stderr] = [stream(), stream()];
  const read = (from: PassThrough) => String(from.read() ?? '');
  return {
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    signal: new AbortController().signal,
    json: false,
    texts: () => ({ out: read(stdout), err: read(stderr) }),
  };
}

function change(job: jobWire.Job) {
  return { job: decodeJob(job), news: [] };
}

test('On a terminal a job has a bar, and its result is on stdout at the end', () => {
  const terminal = textTerminal(true);
  const view = changeView(terminal, [jobId]);
  view.show(change(runningJob(42)));
  view.interrupted(new RenderfarmError('CONTROLLER_UNREACHABLE', 'away'));
  view.show(change(failedJob()));
  view.stop();
  view.stop();
  const { out, err } = terminal.texts();
  assert.match(err, /42%|failed/);
  assert.match(err, /connection lost, trying again: away/);
  assert.equal(
    out,
    `${jobId}  failed: Failed to copy 1 files: clip.mp4\n  item 3 clip.mp4: is not there [FILE_MISSING]\n`,
  );
});

test('Elsewhere a line is printed for every ten percent and every other change, once', () => {
  const terminal = textTerminal(false);
  const view = changeView(terminal, [jobId]);
  const percents = [10, 10, 14, 19, 20, 21];
  for (const percent of percents) view.show(change(runningJob(percent)));
  view.show(change(runningJob(22, { agentId: 'pc2' })));
  view.show(change(publishedJob()));
  view.stop();
  const { out, err } = terminal.texts();
  assert.equal(err, '');
  assert.deepEqual(out.split('\n'), [
    `${jobId}  running 10% on pc1`,
    `${jobId}  running 20% on pc1`,
    `${jobId}  running 22% on pc2`,
    `${jobId}  published \\\\nas\\Share\\Output\\Kids TV.mp4`,
    '',
  ]);
});

test('Everything, and more jobs than fit on a screen, are lines also on a terminal', () => {
  for (const ids of [[], Array.from({ length: 21 }, (_, index) => `job ${index}`)]) {
    const terminal = textTerminal(true);
    const view = changeView(terminal, ids);
    view.show(change(runningJob(42)));
    view.stop();
    assert.deepEqual(terminal.texts(), { out: `${jobId}  running 42% on pc1\n`, err: '' });
  }
});
