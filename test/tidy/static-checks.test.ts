import assert from 'node:assert/strict';
import test from 'node:test';
import { runCheck, staticChecks } from '../../tools/checks.ts';

for (const check of staticChecks()) {
  test(`${check.says} (npm run check -- ${check.name})`, async () => {
    const result = await runCheck(check);
    assert.ok(result.passed, result.output);
  });
}
