import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptFailedError, finishedOf } from '../../../agent/attempt/finished.ts';
import { encodeAgentMessage } from '../../../proto/index.ts';
import { jobRef, usage } from '../../helpers/agent-core.ts';

test('A failure of 2,000 items is told in a message that the link takes, in whatever script their paths are', () => {
  const path = `\\\\nas\\Clips\\${'影片'.repeat(150)}.mp4`;
  const problems = Array.from({ length: 2_000 }, (_, position) => ({
    ...{ position, subject: path, code: 'FILE_MISSING', message: `${path} is not there` },
  }));
  const failure = { failureClass: 'input', message: '影'.repeat(9_000), problems } as const;
  const stderrTail = Array.from({ length: 100 }, () => '影'.repeat(900));
  const finished = finishedOf(new AttemptFailedError({ ...failure, stderrTail }), undefined, usage);
  const event = { type: 'finished', finished } as const;
  const bytes = encodeAgentMessage({ kind: 'event', number: 1, ref: jobRef('job-a', 1), atMs: 0, event });
  assert.ok(bytes.length < 1024 ** 2, `${bytes.length} bytes`);
  assert.ok(bytes.length > 400_000);
  assert.equal(finished.problems.at(-1)?.code, 'MORE_PROBLEMS');
});
