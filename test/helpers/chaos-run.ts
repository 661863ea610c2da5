import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import type { ChaosOptions } from '../../chaos/options.ts';
import { runChaos } from '../../chaos/run-chaos.ts';

/**
 * One chaos run in which every program is killed at every named moment. Its history is removed when nothing was
 * wrong, and kept and named in the failure otherwise.
 */
export async function killAtEveryMoment(t: TestContext, changes: Partial<ChaosOptions>): Promise<void> {
  const said: string[] = [];
  const folder = resolve('out', 'chaos', `test-${changes.store ?? 'sqlite'}-${process.pid}`);
  const result = await runChaos(
    {
      ...{ minutes: 3, seed: 5, store: 'sqlite', fakeRenderer: true, agents: 3, controllers: 1 },
      ...{ everyMoment: true, only: [], folder, ...changes },
    },
    { signal: t.signal, say: (line) => said.push(line) },
  );
  assert.ok(result.passed, `${said.join('\n')}\n${readFileSync(join(folder, 'faults.jsonl'), 'utf8')}`);
  const { verdict, faults } = result;
  assert.deepEqual([verdict.lost, verdict.publishedTwice], [0, 0]);
  // A run in which little was struck, or nothing came through, proves nothing.
  assert.ok(faults >= 15, `only ${faults} faults: ${folder}`);
  assert.ok((verdict.counts['published'] ?? 0) >= 3, JSON.stringify(verdict.counts));
  await rm(folder, { recursive: true });
}
