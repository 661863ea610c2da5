import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { afterEach, beforeEach } from 'node:test';

/** Marks every process of a test run: children inherit it. */
export const markerName = 'RENDERFARM_TEST_RUN';

interface Survivor {
  readonly pid: number;
  readonly command: string;
}

/**
 * Processes, other than this one, whose environment bears this marker and that still run. Linux only: elsewhere it
 * finds none.
 */
export function survivors(marker: string): readonly Survivor[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name) && Number(name) !== process.pid)
    .filter((pid) => bears(pid, `${markerName}=${marker}`))
    .map((pid) => ({ pid: Number(pid), command: readProcess(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
    .filter((survivor) => survivor.command !== '');
}

function bears(pid: string, entry: string): boolean {
  const environment = readProcess(pid, 'environ');
  return environment.split('\0').some((each) => each === entry || each.startsWith(`${entry}/`));
}

/** Empty for a process that is gone, a zombie, or none of our business. */
function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** A file whose tests are done may need this long until its process ends by itself. */
const handleGraceMs = Number(process.env['RENDERFARM_TEST_HANDLE_GRACE_MS'] ?? 30_000);

/** Ends this test file, failed, when no test has run for a while and something that was opened keeps it alive. */
function failOnOpenHandles(): void {
  let running = 0;
  let timer: NodeJS.Timeout | undefined;
  beforeEach(() => {
    running += 1;
    clearTimeout(timer);
  });
  afterEach(() => {
    running -= 1;
    if (running > 0) return;
    timer = setTimeout(() => {
      const left = process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap');
      process.stderr.write(`This test file left handles open: ${left.join(', ')}\n`);
      process.exit(1);
    }, handleGraceMs).unref();
  });
}

/** A process that was told to end may need this long to be gone. */
const processGraceMs = 2_000;

/** Makes this test file fail, by its exit code, when a process that it started is still there. */
function failOnSurvivors(runMarker: string): void {
  const marker = `${runMarker}/${process.pid}`;
  process.env[markerName] = marker;
  process.once('exit', () => {
    const left = survivorsAfterGrace(marker);
    if (left.length === 0) return;
    process.exitCode = 1;
    for (const { pid, command } of left) {
      process.stderr.write(`This test file left a process behind: ${pid} ${command}\n`);
      killQuietly(pid);
    }
  });
}

function survivorsAfterGrace(marker: string): readonly Survivor[] {
  const deadline = performance.now() + processGraceMs;
  let left = survivors(marker);
  while (left.length > 0 && performance.now() < deadline) {
    // Nothing asynchronous runs any more in an `exit` listener.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    left = survivors(marker);
  }
  return left;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself in the meantime.
  }
}

// Loaded into every test file by tools/run-test-files.ts (--import). Programs that a test starts inherit the marker,
// but not this module.
const inherited = process.env[markerName];
if (process.execArgv.includes('--import') && inherited !== undefined && !inherited.includes('/')) {
  failOnOpenHandles();
  failOnSurvivors(inherited);
}
