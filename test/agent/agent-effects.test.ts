import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentParts, performEffect } from '../../agent/agent-effects.ts';
import type { Input } from '../../agent/core/inputs.ts';
import { jobRef } from '../helpers/agent-core.ts';

/** What the core hears of an ask for items that an attempt answered so. */
async function heard(answer: readonly [] | undefined): Promise<readonly Input[]> {
  const inputs: Input[] = [];
  const answered = Promise.resolve(answer);
  const parts: unknown = {
    rooms: { attempts: { release: () => answered } },
    input: (input: Input) => inputs.push(input),
  };
  const ask = { kind: 'release-items', ref: jobRef('job', 1), itemsMax: 2, outputMaxMs: 1_000 } as const;
  performEffect({ type: 'release-items', ask }, parts as AgentParts);
  await answered.then(() => undefined);
  return inputs;
}

test('An ask that a newer one has taken the place of is not answered: the controller would take that for the newer', async () => {
  assert.deepEqual(await heard(undefined), []);
  assert.deepEqual(await heard([]), [{ type: 'items-released', ref: jobRef('job', 1), items: [] }]);
});
