import assert from 'node:assert/strict';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { listKept, openKeptWork, tooMuch, withKeptPlace } from '../../../agent/attempt/kept-work.ts';
import { plainOutcome } from '../../../agent/core/endings.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const limits = { countMax: 2, bytesMax: 100, daysMax: 7 };

test('Work folders of failed attempts are kept, the newest ones, and the oldest goes when the room is needed', async (t) => {
  const folder = await tempFolder(t);
  const troubles: string[] = [];
  const kept = openKeptWork(join(folder, 'failed'), limits, (message) => troubles.push(message));
  const keep = async (name: string, bytes: number): Promise<string | undefined> => {
    const work = join(folder, 'work', name);
    await mkdir(join(work, 'fonts'), { recursive: true });
    await writeFile(join(work, 'fonts', 'a'), Buffer.alloc(bytes));
    const place = await kept.keep(work, name);
    if (place !== undefined) await utimes(join(place, 'kept'), new Date(), new Date(Date.now() - 1_000 * 60));
    return place;
  };
  const names = async () => (await readdir(join(folder, 'failed'))).toSorted();
  assert.equal(await keep('a-1.1', 10), join(folder, 'failed', 'a-1.1'));
  await utimes(join(folder, 'failed', 'a-1.1', 'kept'), 1_000, Date.now() / 1_000 - 3_600);
  await keep('b-1.2', 20);
  assert.deepEqual(
    (await listKept(join(folder, 'failed'))).map(({ name, bytes }) => [name, bytes]),
    [
      ['b-1.2', 20],
      ['a-1.1', 10],
    ],
  );
  await keep('c-1.3', 30);
  assert.deepEqual(await names(), ['b-1.2', 'c-1.3'], 'two at most');
  assert.equal(await keep('d-1.4', 101), undefined);
  assert.deepEqual(await names(), ['b-1.2', 'c-1.3'], 'what is too large does not drive out what fits');
  assert.match(troubles.join('\n'), /d-1\.4 is larger than/u);
  assert.deepEqual(await readdir(join(folder, 'work')), []);
  assert.deepEqual([await kept.giveUp(), await kept.giveUp(), await kept.giveUp()], [true, true, false]);
});

test('What is too old or too much is chosen from the oldest on', () => {
  const day = 86_400_000;
  const one = (name: string, bytes: number, keptAtMs: number) => ({ name, path: name, bytes, keptAtMs });
  const found = [
    one('new', 60, 9 * day),
    one('large', 50, 8 * day),
    one('fits', 40, 7 * day),
    one('old', 0, day),
  ];
  const gone = (change: object) => tooMuch(found, { ...limits, ...change }, 9 * day).map(({ name }) => name);
  assert.deepEqual(gone({}), ['large', 'old']);
  assert.deepEqual(gone({ countMax: 1 }), ['large', 'fits', 'old']);
  assert.deepEqual(gone({ bytesMax: 1_000, countMax: 9 }), ['old']);
  assert.deepEqual(gone({ countMax: 0 }), ['new', 'large', 'fits', 'old']);
});

test('An outcome says where its work folder is, however long its message was', () => {
  const plain = plainOutcome('failed', 'x'.repeat(4_000));
  const told = withKeptPlace(plain, '/data/failed/j-1.1');
  assert.equal(told.message?.length, 4_000);
  assert.match(told.message ?? '', /x \(its work folder is kept: \/data\/failed\/j-1\.1\)$/u);
});
