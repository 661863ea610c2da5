import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import config from '../../dependency-cruiser.config.ts';
import { repositoryFolder } from '../helpers/repository-files.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** A file, what it imports, and the rule that must report it. */
const forbidden: readonly (readonly [file: string, imported: string, rule: string])[] = [
  ['controller/domain/a.ts', 'controller/engine/farm.ts', 'domain-imports-only-its-own-words'],
  ['controller/domain/b.ts', 'node:fs', 'domain-is-pure'],
  ['controller/domain/c.ts', 'zod', 'domain-is-pure'],
  ['controller/domain/d.ts', 'proto/index.ts', 'domain-imports-only-its-own-words'],
  ['controller/scheduling/a.ts', 'controller/store/port.ts', 'scheduling-imports-only-its-own-words'],
  ['controller/scheduling/b.ts', 'p-map', 'scheduling-is-pure'],
  ['controller/engine/a.ts', 'controller/rpc/server.ts', 'engine-decides-alone'],
  ['controller/engine/b.ts', 'controller/store/sqlite/store.ts', 'engine-decides-alone'],
  ['controller/engine/turn/a.ts', 'node:crypto', 'engine-turn-is-pure'],
  ['controller/store/memory/a.ts', 'controller/store/sqlite/store.ts', 'store-memory-knows-the-port'],
  ['controller/rpc/a.ts', 'controller/engine/turn/z.ts', 'rpc-imports-interfaces'],
  ['controller/rpc/b.ts', 'controller/catalog/z.ts', 'rpc-imports-interfaces'],
  ['controller/rpc/c.ts', 'proto/gen/z.ts', 'generated-code-through-proto'],
  ['controller/joblogs/a.ts', 'agent/attempt/z.ts', 'controller-is-a-house'],
  ['controller/outbox/a.ts', 'controller/engine/engine.ts', 'outbox-knows-ports'],
  ['controller/history/a.ts', 'controller/store/sqlite/store.ts', 'history-joins-hot-and-past'],
  ['controller/config.ts', 'controller/rpc/server.ts', 'config-knows-the-domain'],
  ['agent/core/a.ts', 'node:timers', 'agent-core-is-pure'],
  ['agent/core/b.ts', 'agent/attempt/z.ts', 'agent-core-imports-only-its-own-words'],
  ['agent/media/a.ts', 'controller/domain/z.ts', 'agent-is-a-house'],
  ['agent/media/b.ts', 'execa', 'one-home-of-execa'],
  ['client/a.ts', 'controller/domain/z.ts', 'client-is-a-house'],
  ['client/b.ts', '@grpc/proto-loader', 'one-home-of-grpc-proto-loader'],
  ['proto/a.ts', 'agent/media/z.ts', 'proto-imports-no-room'],
  ['proto/b.ts', 'zod', 'proto-imports-its-runtime-only'],
  ['agent/media/c.ts', 'fast-check', 'production-uses-production-packages'],
  ['client/c.ts', 'client/missing.ts', 'no-unresolvable'],
  ['agent/media/one.ts', 'agent/media/two.ts', 'no-cycles'],
];

const allowed: readonly (readonly [file: string, imported: string])[] = [
  ['controller/domain/ok.ts', 'proto/agent-link.ts'],
  ['controller/engine/ok.ts', 'controller/store/port.ts'],
  ['agent/process/ok.ts', 'execa'],
  ['controller/rpc/ok.ts', 'controller/engine/farm.ts'],
  ['controller/main.ts', 'controller/store/sqlite/store.ts'],
  ['agent/media/two.ts', 'agent/media/one.ts'],
];

test('Each rule reports what it forbids, and lets through what is allowed', async (t) => {
  const folder = await tempFolder(t);
  await writeImports(folder);
  const violations = (await cruiseFolder(folder)).summary.violations.map(
    ({ rule, from }) => `${from}: ${rule.name}`,
  );
  for (const [file, imported, rule] of forbidden) {
    assert.ok(violations.includes(`${file}: ${rule}`), `${file} may import ${imported}: ${rule} is silent`);
  }
  const wrong = allowed.map(([file]) => file).filter((file) => file !== 'agent/media/two.ts');
  assert.deepEqual(
    violations.filter((line) => wrong.some((file) => line.startsWith(`${file}:`))),
    [],
  );
});

test('Every rule has its reason, and is tried here', () => {
  const tried = new Set(forbidden.map(([, , rule]) => rule));
  const alike = /^(store-(sqlite|redis)|web|directory|catalog|joblogs|one-home-of)-/u;
  const names = config.forbidden.map((rule) => rule.name);
  assert.deepEqual(
    names.filter((name) => !tried.has(name) && !alike.test(name)),
    [],
  );
  assert.ok(config.forbidden.every((rule) => rule.comment.length > 20));
});

/** A tree with these imports and nothing else; what is imported exists, but for what is called missing. */
async function writeImports(folder: string): Promise<void> {
  await symlink(join(repositoryFolder, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'tsconfig.json'), '{}');
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({
      type: 'module',
      dependencies: { execa: '*', zod: '*' },
      devDependencies: { 'fast-check': '*' },
    }),
  );
  const imports = [...forbidden.map(([file, imported]) => [file, imported] as const), ...allowed];
  for (const [, imported] of imports) {
    if (imported.endsWith('.ts') && !imported.includes('missing'))
      await put(folder, imported, 'export {};\n');
  }
  for (const [file, imported] of imports) {
    const path = imported.endsWith('.ts')
      ? `${'../'.repeat(file.split('/').length - 1)}${imported}`
      : imported;
    await put(
      folder,
      file,
      `import '${path.startsWith('.') || !path.endsWith('.ts') ? path : `./${path}`}';\n`,
    );
  }
}

async function put(folder: string, file: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), text);
}

async function cruiseFolder(folder: string): Promise<ICruiseResult> {
  const { enhancedResolveOptions, doNotFollow, tsPreCompilationDeps } = config.options;
  const { output } = await cruise(
    ['proto', 'controller', 'agent', 'client'],
    {
      doNotFollow,
      tsPreCompilationDeps,
      baseDir: folder,
      validate: true,
      ruleSet: { forbidden: config.forbidden },
    },
    { ...enhancedResolveOptions },
  );
  assert.ok(typeof output === 'object');
  return output;
}
