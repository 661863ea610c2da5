import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** An empty folder that is removed, with all that is in it, when the test has ended. */
export async function tempFolder(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'renderfarm-test-'));
  t.after(async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return folder;
}
