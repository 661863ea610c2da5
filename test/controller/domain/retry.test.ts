import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JobRecord } from '../../../controller/domain/job.ts';
import { type AttemptEnd, afterAttempt, retryPolicy } from '../../../controller/domain/retry.ts';
import { jobRecord, oneJobId } from '../../helpers/fake-farm.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';

const policy = retryPolicy(farmSettings());
const second = 1_000;
const hour = 3_600 * second;

/** A job of which each end is applied, some time after the one before. */
class Life {
  job: JobRecord = jobRecord(oneJobId, 'running');
  nowMs = 1_000_000_000_000;

  end(changes: Partial<AttemptEnd>, random = 0.999_999): ReturnType<typeof afterAttempt> {
    const end = {
      outcome: 'failed',
      message: 'why',
      problems: [],
      lossCounts: true,
      fitsElsewhere: false,
      ...changes,
    } as const;
    const { charged, losses, environmentFailures, ...disposition } = afterAttempt(
      this.job,
      end,
      this.nowMs,
      random,
      policy,
    );
    this.job = { ...this.job, charged, losses, environmentFailures };
    return { charged, losses, environmentFailures, ...disposition };
  }

  environment(cause: string, random?: number): ReturnType<typeof afterAttempt> {
    return this.end({ failureClass: 'environment', problems: [{ code: cause, message: 'x' }] }, random);
  }
}

suite('a failure for a reason of the PC', () => {
  test('is never charged, and quarantines the job at the tenth of one cause in 24 h', () => {
    const life = new Life();
    for (let count = 1; count <= 9; count += 1) {
      assert.equal(life.environment('DISK_FULL').to, 'delayed');
      life.nowMs += 2 * hour;
    }
    const last = life.environment('DISK_FULL');
    assert.equal(last.to, 'quarantined');
    assert.match(last.reason, /^quarantined: its surroundings failed 10 times in 24 h/);
    assert.equal(life.job.charged, 0);
  });

  test('counts by cause: nine of each of two causes are no quarantine', () => {
    const life = new Life();
    for (let count = 1; count <= 9; count += 1) {
      assert.equal(life.environment('DISK_FULL').to, 'delayed');
      assert.equal(life.environment('ENCODER_UNAVAILABLE').to, 'delayed');
    }
    assert.equal(life.environment('ENCODER_UNAVAILABLE').to, 'quarantined');
  });

  test('that names a new cause each time is quarantined too', () => {
    const life = new Life();
    const fates = Array.from({ length: 50 }, (_, n) => life.environment(`CAUSE_${n}`).to);
    assert.equal(fates.lastIndexOf('delayed'), 48);
    assert.equal(fates[49], 'quarantined');
  });

  test('is forgotten after 24 h', () => {
    const life = new Life();
    for (let count = 1; count <= 40; count += 1) {
      assert.equal(life.environment('DISK_FULL').to, 'delayed');
      life.nowMs += 3 * hour;
    }
    assert.ok(life.job.environmentFailures.length <= 8);
  });

  test('is tried again with full jitter below 30 s, doubling to 15 min, for each cause by itself', () => {
    const life = new Life();
    const waitOf = (cause: string, random?: number) => {
      const disposition = life.environment(cause, random);
      assert.ok(disposition.to === 'delayed');
      return disposition.notBeforeMs - life.nowMs;
    };
    assert.deepEqual(
      Array.from({ length: 7 }, () => waitOf('DISK_FULL') / second),
      [30, 60, 120, 240, 480, 900, 900],
    );
    assert.equal(waitOf('ENCODER_UNAVAILABLE'), 30 * second);
    assert.equal(waitOf('ENCODER_UNAVAILABLE', 0), 0);
  });
});

suite('what is charged', () => {
  test('a failure of the job is, and fails it at the third', () => {
    const life = new Life();
    const fates = [1, 2, 3].map(() => life.end({ failureClass: 'job' }).to);
    assert.deepEqual(fates, ['delayed', 'delayed', 'failed']);
  });

  test('an eviction, a return, a refusal and a superseded attempt are not: the job waits at once', () => {
    const life = new Life();
    for (const outcome of ['evicted', 'returned', 'declined', 'superseded'] as const) {
      assert.equal(life.end({ outcome }).to, 'waiting');
    }
    assert.deepEqual([life.job.charged, life.job.losses], [0, 0]);
  });

  test('a broken input is not tried again', () => {
    assert.equal(new Life().end({ failureClass: 'input' }).to, 'failed');
  });
});
