import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { AttemptFailedError } from '../../../agent/attempt/finished.ts';
import { createOutputLook } from '../../../agent/attempt/output-room.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { outputBytesMax } from '../../../agent/render/encoder.ts';
import { assignment, jobRef } from '../../helpers/agent-core.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const { output } = assignment(jobRef('job-a', 4));
const { signal } = new AbortController();

/** A share child that answers everything with this, or, with nothing to answer, hangs. */
function childThatSays(result?: object) {
  const line = JSON.stringify(JSON.stringify({ type: 'done', result }));
  const answer = result === undefined ? '' : `console.log(${line})`;
  return { file: process.execPath, args: ['-e', `process.stdin.on('data', () => { ${answer} })`] };
}

function look(t: TestContext, localPath: string, options: Parameters<typeof createShareOperations>[0] = {}) {
  const operations = createShareOperations(options);
  t.after(() => operations.stop());
  return createOutputLook({ results: { roots: ['\\\\nas\\Out'], localPath } }, operations, 'linux');
}

const environment = (code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AttemptFailedError);
  assert.deepEqual([error.failure.failureClass, error.failure.problems[0]?.code], ['environment', code]);
  assert.match(error.message, words);
  return true;
};

test('A result of ten minutes may need 1.5 GB at 20 Mbit/s, and one in 4K more than twice as much', () => {
  assert.equal(outputBytesMax({ enable4k: false, frames: 18_000 }), 1_539_240_000);
  assert.equal(outputBytesMax({ enable4k: true, frames: 18_000 }), 3_811_740_000);
});

test('An output share with room for the result is no obstacle; one with too little says both figures', async (t) => {
  const free = { readable: true, writable: true, empty: false, freeBytes: 1_539_240_000 };
  const room = await look(t, '/mnt/out', { command: childThatSays(free) })(output, signal);
  room.demand({ enable4k: false, frames: 18_000 });
  assert.throws(
    () => room.demand({ enable4k: false, frames: 18_001 }),
    environment('OUTPUT_SPACE_SHORT', /share results .*1539325514 bytes may be needed, 1539240000 are free/u),
  );
});

test('The free space is that of the disk that the share is on', async (t) => {
  const room = await look(t, await tempFolder(t))(output, signal);
  room.demand({ enable4k: true, frames: 30 });
  assert.throws(
    () => room.demand({ enable4k: false, frames: 1e12 }),
    environment('OUTPUT_SPACE_SHORT', /free/u),
  );
});

test('An output share that is missing, read-only, broken or not mounted here is named, as the environment', async (t) => {
  const missing = join(await tempFolder(t), 'gone');
  await assert.rejects(
    look(t, missing)(output, signal),
    environment('OUTPUT_UNREACHABLE', /output share results .*gone\) cannot be reached: ENOENT/u),
  );
  const readOnly = { readable: true, writable: false, empty: false, freeBytes: 9, reason: 'EROFS' };
  await assert.rejects(
    look(t, '/mnt/out', { command: childThatSays(readOnly) })(output, signal),
    environment('OUTPUT_UNWRITABLE', /output share results .* cannot be written: EROFS/u),
  );
  const dying = { command: { file: process.execPath, args: ['-e', 'process.exit(3)'] } };
  await assert.rejects(
    look(t, '/mnt/out', dying)(output, signal),
    environment('OUTPUT_UNREACHABLE', /output share results .*it ended with 3/u),
  );
  await assert.rejects(
    look(t, '/mnt/out')({ ...output, folder: '\\\\other\\Out' }, signal),
    environment('OUTPUT_UNREACHABLE', /\\\\other\\Out/u),
  );
});

test('A stop ends the wait for a share that hangs, with its own reason', async (t) => {
  const stop = new AbortController();
  const looking = look(t, '/mnt/out', { command: childThatSays() })(output, stop.signal);
  stop.abort(new Error('cancelled'));
  await assert.rejects(looking, /cancelled/u);
});
