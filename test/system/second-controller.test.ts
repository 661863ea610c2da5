import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { Program } from '../helpers/real-farm.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const controllerMain = fileURLToPath(new URL('../../controller/main.ts', import.meta.url));

test('a second controller on the same file answers that it waits, ends when it is asked to, and else takes over', async (t) => {
  const file = await configured(t);
  const first = start(t, file);
  await first.saw('leading the farm');
  const impatient = start(t, file);
  await impatient.saw('listens on');
  await impatient.saw('another controller leads');
  assert.equal(await impatient.kill('SIGTERM'), 0);
  const second = start(t, file);
  await second.saw('another controller leads');
  assert.equal(second.count('leading the farm'), 0);
  await first.kill('SIGKILL');
  await second.saw('leading the farm');
  assert.equal(await second.kill('SIGTERM'), 0);
});

test('a controller whose file is no farm says so and ends', async (t) => {
  const file = await configured(t, { 'farm.sqlite': 'a text, and no database. '.repeat(500) });
  const program = start(t, file);
  await program.saw('not a database');
  assert.equal(await program.ended, 1);
});

function start(t: TestContext, configFile: string): Program {
  const program = new Program(controllerMain, ['--config', configFile]);
  t.after(async () => {
    if (program.child.exitCode === null && program.child.signalCode === null) await program.kill('SIGKILL');
  });
  return program;
}

async function configured(t: TestContext, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await tempFolder(t);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const file = join(folder, 'farm.yaml');
  const shares = [
    { name: 'clips', roots: ['\\\\nas\\Clips'], role: 'source' },
    { name: 'results', roots: ['\\\\nas\\Results'], role: 'output' },
  ];
  const config = { listen: ['127.0.0.1:0'], shares, output: { share: 'results' }, dataDir: '.' };
  await writeFile(file, stringify({ ...config, logsDir: 'logs', timeZone: 'UTC' }));
  return file;
}
