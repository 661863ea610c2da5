import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { repositoryFolder } from '../../tools/checks.ts';
import { markerName } from '../helpers/leaks.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** Runs tools/test.ts on one test file with this body, as a person would. */
async function runFile(t: TestContext, body: string): Promise<{ code: unknown; output: string }> {
  const file = join(await tempFolder(t), 'a.test.ts');
  await writeFile(
    file,
    `import test from 'node:test';\nimport { spawn } from 'node:child_process';\n${body}`,
  );
  const env = {
    ...process.env,
    NODE_TEST_CONTEXT: undefined,
    [markerName]: undefined,
    RENDERFARM_TEST_HANDLE_GRACE_MS: '500',
  };
  const args = [join(repositoryFolder, 'tools', 'test.ts'), file];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: (await closed)[0], output: stdout + stderr };
}

test('A run in which all is well passes and ends with the summary of node', async (t) => {
  const { code, output } = await runFile(t, "test('good', () => {});");
  assert.equal(code, 0, output);
  assert.match(output, /ℹ tests 1\n.*ℹ pass 1\nℹ fail 0\n.*ℹ duration_ms [\d.]+\n$/su);
});

test('A test that fails makes the run fail', async (t) => {
  const { code, output } = await runFile(t, "test('bad', () => { throw new Error('no'); });");
  assert.equal(code, 1);
  assert.match(output, /ℹ fail 1\n/u);
});

test('A process that outlives its test file makes the run fail, is named and is gone', async (t) => {
  const child =
    "spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore', detached: true })";
  const { code, output } = await runFile(t, `test('leaks', () => { ${child}.unref(); });`);
  assert.equal(code, 1, output);
  assert.match(output, /left a process behind: \d+ .*setTimeout/u);
  const pid = Number(/left a process behind: (\d+)/u.exec(output)?.[1]);
  assert.equal(existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '', '');
});

test('A handle that is left open makes the run fail, and the file is named', async (t) => {
  const { code, output } = await runFile(t, "test('leaks', () => { setInterval(() => {}, 1000); });");
  assert.equal(code, 1, output);
  assert.match(output, /left handles open: Timeout\n/u);
  assert.match(output, /a\.test\.ts/u);
});
