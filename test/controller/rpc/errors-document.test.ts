import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { farmErrors } from '../../../controller/domain/errors.ts';

const document = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');

test('docs/errors.md lists exactly the codes of the controller, each with its gRPC status', () => {
  const [callers = ''] = document.split('## When');
  const listed = [...callers.matchAll(/^\| `(\w+)` \| (\w+) \| [^|]+ \| [^|]+ \|$/gm)];
  const statusByCode = listed.map(([, code, status]) => [code, status]);
  const expected = Object.entries(farmErrors).map(([code, { status }]) => [code, status]);
  assert.deepStrictEqual(statusByCode, expected);
});
