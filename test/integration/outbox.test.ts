import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { serveOnLoopback } from '../helpers/http-stand-in.ts';
import { startRedisServer } from '../helpers/redis-server.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { jobId } from '../helpers/turn-farm.ts';
import { type Start, TellingProcess, type Told } from './telling-process.ts';

/** A backlog that takes many calls to be told. */
const jobs = 40;
const destinations = ['directory', 'history'] as const;

/** A place outside that keeps the newest of each job, by its revision. */
class Outside {
  readonly kept = new Map<string, Told>();
  readonly #heard = new EventEmitter();
  url = '';
  isAway = true;
  /** It takes this many calls more, and answers none after them. */
  callsLeft = Number.POSITIVE_INFINITY;
  calls = 0;

  static async open(t: TestContext): Promise<Outside> {
    const outside = new Outside();
    outside.url = await serveOnLoopback(t, (request, response) => outside.#hear(request, response));
    return outside;
  }

  /** Resolves when what it has heard makes this true. */
  async until(isSo: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(20_000);
    while (!isSo()) await once(this.#heard, 'heard', { signal });
  }

  stateOf(name: string, n: number): string | undefined {
    return this.kept.get(`${name}/${jobId(n)}`)?.state;
  }

  /** All that was submitted is there, and every third one as cancelled. */
  hasAll(): boolean {
    return ids().every(
      (n) =>
        this.stateOf('directory', n) === (isCancelled(n) ? 'cancelled' : 'waiting') &&
        this.stateOf('history', n) === (isCancelled(n) ? 'cancelled' : undefined),
    );
  }

  async #hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const told = JSON.parse(await text(request)) as readonly Told[];
    if (this.isAway) {
      response.writeHead(503).end();
    } else {
      this.calls += 1;
      for (const one of told) this.#keep(one);
      this.callsLeft -= 1;
      // What it has taken and not answered comes again.
      if (this.callsLeft >= 0) response.writeHead(200).end();
    }
    this.#heard.emit('heard');
  }

  #keep(told: Told): void {
    const key = `${told.name}/${told.jobId}`;
    const there = this.kept.get(key);
    if (there === undefined || BigInt(there.revision) < BigInt(told.revision)) this.kept.set(key, told);
    else assert.notEqual(there.revision, told.revision, 'a revision is given once');
  }
}

function ids(): readonly number[] {
  return Array.from({ length: jobs }, (_, index) => index + 1);
}

function isCancelled(n: number): boolean {
  return n % 3 === 0;
}

async function makeBacklog(leader: TellingProcess): Promise<void> {
  await Promise.all(ids().map((n) => leader.ask('submit', n)));
  await Promise.all(
    ids()
      .filter(isCancelled)
      .map((n) => leader.ask('cancel', n)),
  );
  const cancelled = ids().filter(isCancelled).length;
  assert.equal(await leader.ask('rows'), jobs + cancelled);
}

async function untilNothingWaits(outside: Outside, leader: TellingProcess): Promise<void> {
  await outside.until(() => outside.hasAll());
  // The last answers may be under way to the engine.
  const deadline = performance.now() + 20_000;
  while ((await leader.ask('rows')) !== 0) assert.ok(performance.now() < deadline, 'rows are left');
}

test('a backlog outlives kill -9 of its leader, also amid its delivery, on SQLite', async (t) => {
  const outside = await Outside.open(t);
  const store = { kind: 'sqlite', file: join(await tempFolder(t), 'farm.sqlite') } as const;
  const start: Start = { store, url: outside.url, destinations };

  const first = new TellingProcess(t, start);
  await first.leads();
  await makeBacklog(first);
  await first.end('SIGKILL');

  // It takes three calls, and the answer of the last one never comes.
  outside.isAway = false;
  outside.callsLeft = 2;
  const second = new TellingProcess(t, start);
  await second.leads();
  await outside.until(() => outside.callsLeft < 0);
  await second.end('SIGKILL');
  assert.ok(!outside.hasAll(), 'it was killed amid its backlog');

  outside.callsLeft = Number.POSITIVE_INFINITY;
  const third = new TellingProcess(t, start);
  await third.leads();
  await untilNothingWaits(outside, third);
  await third.end('SIGTERM');

  // All is told: the next leader has nothing to say.
  const { calls } = outside;
  const fourth = new TellingProcess(t, start);
  await fourth.leads();
  assert.equal(await fourth.ask('rows'), 0);
  assert.equal(outside.calls, calls);
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a backlog is handed to the next leader on Redis: ${signal}`, async (t) => {
    const outside = await Outside.open(t);
    const redis = await startRedisServer(t);
    const start: Start = { store: { kind: 'redis', path: redis.path }, url: outside.url, destinations };
    const leader = new TellingProcess(t, start);
    await leader.leads();
    const standby = new TellingProcess(t, start);
    await makeBacklog(leader);
    outside.isAway = false;
    outside.callsLeft = 3;
    await outside.until(() => outside.callsLeft <= 0);
    await leader.end(signal);
    outside.callsLeft = Number.POSITIVE_INFINITY;
    await standby.leads();
    await untilNothingWaits(outside, standby);
  });
}
