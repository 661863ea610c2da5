import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { endRecorded, startsFromPowerShell } from '../../../agent/process/end-recorded.ts';
import { openProcessBook } from '../../../agent/process/process-book.ts';
import { parseStat, runningProcesses } from '../../../agent/process/process-table.ts';
import { runProcess } from '../../../agent/process/run.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const skip = process.platform === 'linux' ? false : 'the process table is read from procfs';

/** A program that lives for long, leader of a group of its own as the agent's are. */
async function startProgram(t: TestContext, script = 'sleep 60'): Promise<ChildProcess & { pid: number }> {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child, 'spawn');
  const { pid } = child;
  assert.ok(pid !== undefined);
  t.after(() => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The book has ended it.
    }
  });
  return Object.assign(child, { pid });
}

describe('the book of processes', () => {
  test('names what runs, and nothing when it has ended', async (t) => {
    const folder = join(await tempFolder(t), 'processes');
    const book = openProcessBook(folder);
    let during: readonly string[] = [];
    const args = ['-e', 'setTimeout(() => process.exit(), 50)'];
    const running = runProcess({ file: process.execPath, args, book });
    during = await readdir(folder);
    await running;
    assert.equal(during.length, 1);
    assert.deepEqual(await readdir(folder), []);
  });

  test('ends what a killed agent has left, with its children', { skip }, async (t) => {
    const folder = join(await tempFolder(t), 'processes');
    const child = await startProgram(t, 'cd / && sleep 60 & sleep 60 & echo up; wait');
    openProcessBook(folder).note(child.pid);
    await once(child.stdout ?? child, 'data');
    assert.equal((await runningProcesses()).filter(({ group }) => group === child.pid).length, 3);
    assert.equal(await endRecorded(folder), 1);
    assert.equal((await runningProcesses()).filter(({ group }) => group === child.pid).length, 0);
    assert.equal(await endRecorded(folder), 0);
  });

  test('ends no program that has the pid of one that was written down', { skip }, async (t) => {
    const folder = join(await tempFolder(t), 'processes');
    const innocent = await startProgram(t);
    openProcessBook(folder).note(innocent.pid);
    const path = join(folder, `${innocent.pid}.json`);
    const { start, ...entry } = JSON.parse(await readFile(path, 'utf8')) as { start: string };
    const [boot = '', ticks = ''] = start.split(' ');
    for (const other of [`${boot} ${Number(ticks) - 1}`, `another-boot ${ticks}`]) {
      openProcessBook(folder);
      await writeFile(path, JSON.stringify({ ...entry, start: other }));
      assert.equal(await endRecorded(folder), 0);
    }
    openProcessBook(folder);
    for (const torn of ['', '{"pid":', JSON.stringify(entry), JSON.stringify({ pid: -1, notedAtMs: 0 })]) {
      await writeFile(path, torn);
      assert.equal(await endRecorded(folder), 0);
      openProcessBook(folder);
    }
    assert.equal(innocent.exitCode ?? innocent.signalCode, null);
  });

  test('from which nothing can be struck out costs no job', async (t) => {
    const folder = join(await tempFolder(t), 'processes');
    const strike = openProcessBook(folder).note(process.pid);
    await rm(join(folder, `${process.pid}.json`));
    await mkdir(join(folder, `${process.pid}.json`));
    strike();
  });

  test('that cannot be written costs no job', async (t) => {
    const book = openProcessBook(join(await tempFolder(t), 'processes'));
    const strike = book.note(2 ** 30);
    strike();
    strike();
  });
});

describe('the process table', () => {
  test('is read whatever a process calls itself', () => {
    const fields = ['S', '1', '77', ...Array.from({ length: 16 }, () => '0'), '4242', '0'];
    const line = `123 (a) S 9 (b) ${fields.join(' ')}`;
    assert.deepEqual(parseStat(line), { pid: 123, group: 77, hasTerminal: false, startTicks: '4242' });
    assert.equal(parseStat(line.replace(') S 1 77', ') Z 1 77')), undefined);
    assert.equal(parseStat(''), undefined);
  });

  test('of Windows gives starts as times', () => {
    const starts = startsFromPowerShell('4 \r\n812 133497504000000000\r\nnonsense\r\n');
    assert.deepEqual([...starts], [[812, Date.UTC(2024, 0, 15)]]);
  });
});
