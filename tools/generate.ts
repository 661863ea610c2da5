import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/**
 * `npm run gen`: proto/gen from the .proto files: the TypeScript of ts-proto and the descriptors that reflection
 * serves. Options:
 *   --check    generates beside it and compares
 *   --release  keeps the contract as it is now as the one that `buf breaking` compares with
 */
const generated = join('proto', 'gen');
const descriptors = 'descriptors.binpb';
const released = join('proto', 'released.binpb');

process.chdir(join(import.meta.dirname, '..'));
if (process.argv.includes('--check')) await check();
else await generate('.');
if (process.argv.includes('--release')) await cp(join(generated, descriptors), released);

async function generate(base: string): Promise<void> {
  await buf('generate', '--output', base);
  // With all imports, or grpcurl cannot resolve Timestamp and Duration; without comments, which it does not show.
  const image = join(base, generated, descriptors);
  await buf('build', '--as-file-descriptor-set', '--exclude-source-info', '--output', image);
}

async function check(): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'renderfarm-gen-'));
  try {
    await generate(base);
    const stale = await differences(generated, join(base, generated));
    for (const file of stale)
      process.stderr.write(`${join(generated, file)} is not what the .proto files give\n`);
    if (stale.length > 0) throw new Error('Generated files are stale: npm run gen');
  } finally {
    await rm(base, { recursive: true });
  }
}

/** Files that only one side has, or that differ. */
async function differences(ours: string, fresh: string): Promise<string[]> {
  const names = new Set([...(await filesIn(ours)), ...(await filesIn(fresh))]);
  const same = async (name: string) => {
    const [a, b] = await Promise.all([ours, fresh].map((root) => readOrNothing(join(root, name))));
    return a !== undefined && b !== undefined && a.equals(b);
  };
  const results = await Promise.all(
    [...names].sort().map(async (name) => ({ name, same: await same(name) })),
  );
  return results.filter((result) => !result.same).map(({ name }) => name);
}

async function filesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

async function readOrNothing(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(() => undefined);
}

async function buf(...args: string[]): Promise<void> {
  const child = spawn(join('node_modules', '.bin', 'buf'), args, { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) throw new Error(`buf ${args.join(' ')} ended with ${code ?? 'a signal'}`);
}
