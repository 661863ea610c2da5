import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCli } from '../../helpers/cli-process.ts';

test('a limit that is no whole number is refused by the command line', async () => {
  for (const command of ['history', 'list']) {
    const { code, stderr } = await startCli([command, '--limit', '0.5', '--address', '127.0.0.1:1']).ended;
    assert.equal(code, 2);
    assert.match(stderr, /--limit .* must be a whole number/u);
  }
});
