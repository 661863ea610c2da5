import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { startFairTimer } from '../../../agent/process/fair-timer.ts';

test('A limit on silence fires when it is over, and a refresh puts it off', async () => {
  const over = Promise.withResolvers<unknown>();
  const timer = startFairTimer(20, () => over.resolve(undefined));
  timer.refresh();
  await over.promise;
  const never = startFairTimer(1, () => assert.fail('it was stopped'));
  never.stop();
});

test('A process that was frozen itself gives the other side the whole time again', async (t) => {
  // The child freezes itself under a limit of 1 s, for 2.5 s; what it is told then it hears behind its timer.
  const script = `
    import { startFairTimer } from ${JSON.stringify(new URL('../../../agent/process/fair-timer.ts', import.meta.url).href)};
    startFairTimer(1000, () => { console.log('over'); process.exit(1); });
    process.stdin.on('end', () => process.exit(0)).resume();
    console.log('up');
    process.kill(process.pid, 'SIGSTOP');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  const up = Promise.withResolvers<unknown>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    up.resolve(undefined);
  });
  await up.promise;
  const thawed = Promise.withResolvers<unknown>();
  setTimeout(thawed.resolve, 2_500, undefined);
  await thawed.promise;
  child.kill('SIGCONT');
  child.stdin.end();
  const [code] = (await once(child, 'exit')) as [number];
  assert.deepEqual([lines, code], [['up'], 0]);
});
