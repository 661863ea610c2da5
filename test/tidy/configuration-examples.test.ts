import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { loadAgentConfig, parseAgentConfig } from '../../agent/config.ts';
import { parseJobFile } from '../../client/job-file.ts';
import { readConfig } from '../../controller/config.ts';
import { readRepositoryFile } from '../helpers/repository-files.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const readme = readRepositoryFile('README.md');

/** The blocks of that language. */
function blocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gmsu'))].map(
    (match) => match[1] ?? '',
  );
}

test("The README's configurations are ones that controller and agent take", async (t) => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'tls'));
  for (const name of ['controller.pem', 'controller.key', 'ca.pem'])
    await writeFile(join(folder, 'tls', name), '-');
  await writeFile(join(folder, 'tls', 'token'), '0123456789abcdef\n');
  const files = blocks('yaml').map((text) => ({ name: /^# (\S+)/u.exec(text)?.[1] ?? '', text }));
  assert.deepEqual(
    files.map(({ name }) => name),
    ['controller.yaml', 'agent.yaml'],
  );
  for (const { name, text } of files) await writeFile(join(folder, name), text);

  const controller = readConfig({ argv: ['--config', 'controller.yaml'], env: {}, folder });
  const agent = loadAgentConfig(join(folder, 'agent.yaml'));

  assert.ok(controller !== 'help');
  assert.equal(controller.farm.output.folder, '\\\\192.168.1.6\\Results\\Compilations');
  assert.deepEqual(
    Object.entries(agent.mounts).map(([share, { roots }]) => [share, roots]),
    controller.farm.shares.map(({ name, roots }) => [name, roots]),
  );
});

test("The README's job file is a good one", () => {
  const [text = ''] = blocks('json');
  assert.equal(parseJobFile(text).items.length, 2);
});

test('docs/operating.md names every setting of the agent, and no other', () => {
  const section =
    readRepositoryFile('docs/operating.md').split("## The agent's settings")[1]?.split('\n## ')[0] ?? '';
  const named = [...section.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gmu)].flatMap((row) =>
    [...(row[1] ?? '').matchAll(/`(\w+)`/gu)].map((word) => word[1] ?? ''),
  );
  const least = { controllers: ['c:1'], dataDir: 'd', mounts: { s: { roots: ['\\\\h\\s'] } } };
  const known = new Set(Object.keys(parseAgentConfig(least, 'least')));
  const optional = ['tls', 'token', 'tokenFile', 'slots', 'gpuSlots'];
  assert.deepEqual(named.toSorted(), [...new Set([...known, ...optional])].toSorted());
});
