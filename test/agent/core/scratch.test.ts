import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  announcement,
  assignment,
  CoreDriver,
  declineOf,
  failed,
  jobRef,
  ofType,
  sent,
} from '../../helpers/agent-core.ts';

const [a, b, c] = [jobRef('job-a', 1), jobRef('job-b', 2), jobRef('job-c', 3)];
function scratch(availableBytes: number, reserved: { jobId: string; bytes: number }[] = []) {
  return { type: 'scratch-space', freeBytes: availableBytes, availableBytes, reserved } as const;
}

describe('scratch space', () => {
  const mib = 1024 ** 2;

  test('of several jobs at once is counted once, before and after the shell has measured them', () => {
    const core = new CoreDriver({ slots: 4 });
    core.attach();
    core.input(scratch(700 * mib));
    assert.equal(declineOf(core, a), undefined);
    assert.equal(declineOf(core, b), undefined);
    const third = declineOf(core, c);
    assert.equal(third?.code, 'NO_SPACE');
    assert.match(third.reason, /about 268435456 bytes .*, 197132288 are free/u);
    // The shell knows better what the first two need: less.
    core.input(
      scratch(
        700 * mib,
        [a, b].map(({ jobId }) => ({ jobId, bytes: 100 * mib })),
      ),
    );
    assert.equal(declineOf(core, c), undefined);
  });

  test("of an attempt that has ended is nobody's, whatever the shell said last", () => {
    const core = new CoreDriver({ slots: 4 });
    core.attach();
    core.input(scratch(300 * mib));
    core.receive(assignment(a));
    core.input(scratch(300 * mib, [{ jobId: a.jobId, bytes: 300 * mib }]));
    assert.equal(declineOf(core, b)?.code, 'NO_SPACE');
    core.report(a, { type: 'ended', finished: failed });
    assert.equal(declineOf(core, b), undefined);
  });

  test('is asked for the sources too, when it is known how much of them is missing', () => {
    const core = new CoreDriver();
    core.attach();
    core.input(scratch(1_000 * mib));
    const report = { announcementId: 'n1', jobId: 'job-c', state: 'fetching', files: 1 } as const;
    core.receive(announcement('job-c'));
    core.input({ type: 'prefetch', report: { ...report, bytes: 50 * mib, totalBytes: 900 * mib } });
    assert.equal(declineOf(core, c)?.code, 'NO_SPACE', 'it needs 850 MiB of sources and 256 MiB of work');
    core.input({ type: 'prefetch', report: { ...report, bytes: 890 * mib, totalBytes: 900 * mib } });
    assert.equal(declineOf(core, c), undefined);
  });

  test('is told with every heartbeat and every inventory', () => {
    const core = new CoreDriver({ slots: 4 });
    core.attach();
    core.input(scratch(700 * mib));
    core.receive(assignment(a));
    const left = (700 - 256) * mib;
    assert.equal(ofType(core.tick(5_000), 'heartbeat')[0]?.scratchAvailableBytes, left);
    const [told] = sent(core.input({ type: 'journal-room', ok: true }));
    assert.ok(told?.kind === 'inventory');
    assert.equal(told.inventory.scratchAvailableBytes, left);
  });

  test('that is too small for what is known of a job declines it with the figures', () => {
    const core = new CoreDriver();
    core.attach();
    core.input(scratch(1_000_000_000));
    const hour = {
      position: 0,
      itemType: 'video',
      path: '\\\\nas\\Clips\\a.mp4',
      durationMs: 3_600_000,
    } as const;
    const long = assignment(a);
    const [reply] = sent(core.receive({ ...long, job: { ...long.job, items: [hour] } }));
    assert.ok(reply?.kind === 'assignment-reply' && !reply.accepted);
    assert.equal(reply.code, 'NO_SPACE');
    assert.match(reply.reason, /19080000000 bytes .* 1000000000 are free/u);
    assert.equal(declineOf(core, c), undefined, 'a short one fits');
  });

  test('below the least that any job needs declines all', () => {
    const core = new CoreDriver();
    core.attach();
    core.input(scratch(1_000));
    assert.equal(declineOf(core, c)?.code, 'NO_SPACE');
  });
});
