import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FolderTrouble } from '../../../controller/joblogs/folder-trouble.ts';

test('The disk of the logs is an alarm while it takes nothing, and is logged once', () => {
  const logged: string[] = [];
  let nowMs = 1_000;
  const log = (_fields: object, message: string) => logged.push(message.slice(0, 36));
  const trouble = new FolderTrouble({ logsDir: '/logs', nowMs: () => nowMs, log: { info: log, warn: log } });
  trouble.wrote(undefined);
  assert.deepEqual([trouble.alarms(), logged], [[], []]);

  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  for (let n = 0; n < 3; n += 1) {
    trouble.wrote(full);
    nowMs += 1_000;
  }
  const alarm = { atMs: 1_000, event: 'logs-unwritable', fields: { folder: '/logs', reason: 'ENOSPC' } };
  assert.deepEqual(trouble.alarms(), [alarm]);
  trouble.wrote(Object.assign(new Error('read-only'), { code: 'EROFS' }));
  assert.deepEqual(trouble.alarms(), [{ ...alarm, fields: { folder: '/logs', reason: 'EROFS' } }]);
  assert.equal(logged.length, 2);

  trouble.wrote(undefined);
  assert.deepEqual(trouble.alarms(), []);
  assert.equal(logged[2], 'The logs folder can be written again');
});
