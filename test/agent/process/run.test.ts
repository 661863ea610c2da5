import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import test from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type ProcessOptions, runProcess } from '../../../agent/process/run.ts';

/** Runs a few lines of JavaScript as a program of their own. */
function runScript(script: string, options: Partial<ProcessOptions> = {}) {
  return runProcess({ file: process.execPath, args: ['-e', script], ...options });
}

const forever = 'setInterval(() => {}, 1000);';
const deaf = "process.on('SIGTERM', () => console.log('deaf'));";

/** Resolves when the process is gone: nobody but the system's own table can tell that of a grandchild. */
async function gone(pid: number): Promise<void> {
  assert.ok(pid > 0);
  while (isRunning(pid)) await setImmediate();
}

/** One that has ended, but that nobody has asked for yet (state Z), runs no more. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /u.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('A program that ends by itself gives its code, its output and its last lines', async () => {
  const lines: string[] = [];
  const result = await runScript(
    "console.log('one'); console.log('two'); console.error('bad'); process.exitCode = 3;",
    {
      stdoutCharsMax: 100,
      onStdoutLine: (line) => lines.push(line),
    },
  );
  assert.deepEqual(lines, ['one', 'two']);
  assert.equal(result.cause, 'exited');
  assert.equal(result.succeeded, false);
  assert.equal(result.exitCode, 3);
  assert.equal(result.stdout, 'one\ntwo');
  assert.deepEqual(result.stderrTail, ['bad']);
});

test('Arguments reach the program as they are, because there is no shell', async () => {
  const hostile = ['$(id)', '`id`', 'a b', '"', "'", ';', '%PATH%', '-leading'];
  const result = await runProcess({
    file: process.execPath,
    args: ['-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', ...hostile],
    stdoutCharsMax: 1000,
  });
  assert.deepEqual(JSON.parse(result.stdout), hostile);
});

test('A program that is not there is a result, not an error', async () => {
  const result = await runProcess({ file: '/nowhere/ffmpeg', args: [] });
  assert.equal(result.cause, 'spawn-failed');
  assert.equal(result.spawnErrorCode, 'ENOENT');
  assert.match(result.spawnError ?? '', /\/nowhere\/ffmpeg/u);
});

test('Only the last lines of a flood on stderr are kept, and stdout up to its limit', async () => {
  const result = await runScript(
    "process.stderr.write(Array.from({length: 20000}, (_, i) => 'line ' + i).join('\\n')); process.stdout.write('x\\n'.repeat(100000));",
    { stdoutCharsMax: 10 },
  );
  assert.equal(result.succeeded, true);
  assert.equal(result.stderrTail.length, 50);
  assert.equal(result.stderrTail.at(-1), 'line 19999');
  assert.equal(result.stdout, 'x\nx\nx\nx\nx');
  assert.equal(result.stdoutCut, true);
});

test('An abort before the start starts nothing', async () => {
  const result = await runScript("console.log('started')", {
    signal: AbortSignal.abort(),
    stdoutCharsMax: 100,
  });
  assert.equal(result.cause, 'aborted');
  assert.equal(result.stdout, '');
});

test('An abort lets the program end by itself first', async () => {
  const abort = new AbortController();
  const result = await runScript(
    `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); console.log('up'); ${forever}`,
    {
      signal: abort.signal,
      stdoutCharsMax: 100,
      onStdoutLine: (line) => line === 'up' && abort.abort(),
    },
  );
  assert.equal(result.cause, 'aborted');
  assert.equal(result.succeeded, false);
  assert.equal(result.isForced, false);
  assert.equal(result.stdout, 'up\nbye');
});

test('A tree in which everybody ignores SIGTERM is ended by force, grandchildren too', async () => {
  const abort = new AbortController();
  let grandchild = 0;
  const fork = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(`${deaf} console.log(process.pid); ${forever}`)}], { stdio: 'inherit' });`;
  const result = await runScript(`${deaf} ${fork} ${forever}`, {
    signal: abort.signal,
    graceMs: 50,
    onStdoutLine: (line) => {
      if (!/^\d+$/u.test(line)) return;
      grandchild = Number(line);
      abort.abort();
    },
  });
  assert.equal(result.cause, 'aborted');
  assert.equal(result.isForced, true);
  assert.equal(result.signalName, 'SIGKILL');
  await gone(grandchild);
});

test('A grandchild that is cut off from the pipes does not outlive a program that obeys', async () => {
  const abort = new AbortController();
  let grandchild = 0;
  const fork = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(`process.on('SIGTERM', () => {}); process.send('up'); ${forever}`)}], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })`;
  const result = await runScript(
    `const child = ${fork}; child.once('message', () => { console.log(child.pid); });`,
    {
      signal: abort.signal,
      graceMs: 10_000,
      onStdoutLine: (line) => {
        grandchild = Number(line);
        abort.abort();
      },
    },
  );
  assert.equal(result.cause, 'aborted');
  assert.equal(result.isForced, false);
  await gone(grandchild);
});

test('Force ends a deaf tree at once, also while it has a long time to obey, and the first cause stays', async () => {
  const abort = new AbortController();
  const force = new AbortController();
  const result = await runScript(
    `process.on('SIGTERM', () => console.log('deaf')); console.log('up'); ${forever}`,
    {
      signal: abort.signal,
      force: force.signal,
      graceMs: 3_600_000,
      stallMs: 3_600_000,
      onStdoutLine(line) {
        if (line === 'up') abort.abort();
        else force.abort();
      },
    },
  );
  assert.deepEqual([result.cause, result.isForced, result.signalName], ['aborted', true, 'SIGKILL']);
});

test('Force alone asks nobody politely', async () => {
  const force = new AbortController();
  const result = await runScript(
    `process.on('SIGTERM', () => console.log('asked')); console.log('up'); ${forever}`,
    {
      force: force.signal,
      stdoutCharsMax: 100,
      onStdoutLine: (line) => line === 'up' && force.abort(),
    },
  );
  assert.deepEqual([result.cause, result.isForced, result.stdout], ['aborted', true, 'up']);
});

test('Silence before the first output ends it', async () => {
  const result = await runScript(forever, { startStallMs: 50, stallMs: 60_000 });
  assert.equal(result.cause, 'stalled');
});

test('Silence after the first output ends it, and the first cause is the one that is told', async () => {
  const abort = new AbortController();
  const result = await runScript(
    `process.on('SIGTERM', () => { console.log('ending'); process.exit(7); }); console.log('up'); ${forever}`,
    {
      startStallMs: 60_000,
      stallMs: 50,
      signal: abort.signal,
      onStdoutLine: (line) => line === 'ending' && abort.abort(),
    },
  );
  assert.equal(result.cause, 'stalled');
  assert.equal(result.exitCode, 7);
});

test('Where only touches count, a program that talks without getting on is ended', async () => {
  const result = await runScript("setInterval(() => console.log('still here'), 5);", {
    aliveBy: 'touch',
    startStallMs: 500,
  });
  assert.equal(result.cause, 'stalled');
});

test('A touch keeps it alive', async () => {
  let lines = 0;
  const result = await runScript(
    'let n = 0; setInterval(() => { console.log(n); if (++n === 5) process.exit(0); }, 5);',
    {
      aliveBy: 'touch',
      stallMs: 10_000,
      startStallMs: 10_000,
      onStdoutLine: (_line, touch) => {
        lines += 1;
        touch();
      },
    },
  );
  assert.equal(result.cause, 'exited');
  assert.equal(lines, 5);
});

test('The time limit ends it, however busy it is', async () => {
  const result = await runScript("setInterval(() => console.log('busy'), 5);", {
    timeoutMs: 100,
    stallMs: 60_000,
  });
  assert.equal(result.cause, 'timed-out');
});

test('A listener that throws ends the program and is heard', async () => {
  let pid = 0;
  await assert.rejects(
    runScript(`console.log('up'); ${forever}`, {
      onSpawn: (spawned) => {
        pid = spawned;
      },
      onStdoutLine: () => {
        throw new Error('broken listener');
      },
    }),
    /broken listener/u,
  );
  await gone(pid);
});

test('A program reads what is written to it; what it does not read is no error', async () => {
  const copied = await runProcess({
    ...{ file: 'cat', args: [], stdoutCharsMax: 100 },
    onStdin: (stdin) => stdin.end('one\ntwo\n'),
  });
  assert.deepEqual([copied.succeeded, copied.stdout], [true, 'one\ntwo']);
  const deaf = await runProcess({
    ...{ file: 'true', args: [] },
    onStdin: (stdin) => stdin.end(Buffer.alloc(1 << 20)),
  });
  assert.equal(deaf.succeeded, true);
});

test('Waiting for what is still to be written is life, where the writer says so', async () => {
  const slow = await runProcess({
    ...{ file: 'cat', args: [], stallMs: 300, aliveBy: 'touch' },
    onStdin(stdin, touch) {
      let touches = 0;
      const alive = setInterval(() => {
        touch();
        touches += 1;
        if (touches < 18) return;
        clearInterval(alive);
        stdin.end();
      }, 50);
    },
  });
  assert.equal(slow.cause, 'exited');
});
