import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ConfigError, type ControllerConfig, readConfig } from '../../controller/config.ts';
import { tempFolder } from './temp-folder.ts';

/** The settings that there must be. */
export const shares = String.raw`
shares:
  - { name: clips, role: source, roots: ['\\nas\Share', '//192.168.1.6/Share/'] }
  - { name: results, role: output, roots: ['\\nas\Out'] }
output: { share: results, folder: 'Renders/2026' }
`;

export interface World {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** What the controller makes of a file. */
export async function read(
  t: TestContext,
  yaml: string,
  world: World = {},
): Promise<ControllerConfig & { folder: string }> {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'farm.yaml'), yaml);
  for (const [name, text] of Object.entries(world.files ?? {})) await writeFile(join(folder, name), text);
  const config = readConfig({
    argv: ['--config', 'farm.yaml', ...(world.argv ?? [])],
    env: world.env ?? {},
    folder,
  });
  assert.ok(config !== 'help');
  return { ...config, folder };
}

/** The fields that a configuration is refused for, with what is said of them. */
export async function problems(
  t: TestContext,
  yaml: string,
  world: World = {},
): Promise<Record<string, string>> {
  try {
    await read(t, yaml, world);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    for (const { field } of error.problems) assert.ok(error.message.includes(field));
    return Object.fromEntries(error.problems.map(({ field, description }) => [field, description]));
  }
  return {};
}
