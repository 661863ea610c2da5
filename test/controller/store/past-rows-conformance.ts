import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { PastFilter, PastPlace, PastRow, PastTables } from '../../../controller/store/past-rows.ts';

/** Opens the same tables again and again; what it needs ends with the test. */
export type MakePast = (t: TestContext) => Promise<() => PastTables>;

/** What every implementation of the tables of the past must do. */
export function pastRowsConformance(name: string, make: MakePast): void {
  const it = (title: string, body: (open: () => PastTables) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => body(await make(t)));
  };

  it('a row is there whole, by its id, in the table where it was put', async (open) => {
    const rows = open().table('history');
    await rows.put([pastRow(1, { detail: 'x'.repeat(700_000), channelName: 'Ünï "code" \0 \u{1f3ac}' })]);
    assert.deepEqual(await rows.get(idOf(1)), { summary: '{"n":1}', detail: 'x'.repeat(700_000) });
    assert.equal(await rows.get(idOf(2)), undefined);
    assert.equal(await open().table('results').get(idOf(1)), undefined);
  });

  it('the newer revision wins, whichever comes first; the same one changes nothing', async (open) => {
    const rows = open().table('history');
    await rows.put([pastRow(1, { revision: rev(9), summary: 'nine', endedAtMs: 900 })]);
    await rows.put([pastRow(1, { revision: rev(10), summary: 'ten', endedAtMs: 1_000 })]);
    await rows.put([pastRow(1, { revision: rev(9), summary: 'late', endedAtMs: 5_000 })]);
    await rows.put([pastRow(1, { revision: rev(10), summary: 'again', endedAtMs: 6_000 })]);
    assert.equal((await rows.get(idOf(1)))?.summary, 'ten');
    const listed = await rows.list({}, 10);
    assert.deepEqual(
      listed.map(({ endedAtMs, summary }) => ({ endedAtMs, summary })),
      [{ endedAtMs: 1_000, summary: 'ten' }],
    );
  });

  it('pages have every row once, newest end first, while rows come and go', async (open) => {
    const rows = open().table('history');
    // Ten of each time: the id decides among them.
    await rows.put(
      Array.from({ length: 60 }, (_, n) => pastRow(n, { endedAtMs: Math.floor(n / 10) * 1_000 })),
    );
    const seen: PastPlace[] = [];
    let after: PastPlace | undefined;
    for (let page = 0; ; page += 1) {
      const listed = await rows.list({}, 7, after);
      seen.push(...listed.map(({ endedAtMs, id }) => ({ endedAtMs, id })));
      if (listed.length < 7) break;
      after = seen.at(-1);
      await rows.put([pastRow(1_000 + page, { endedAtMs: 100_000 + page })]);
      // The very row that the next page begins behind ends anew, later.
      if (page === 2 && after !== undefined) {
        const { id } = after;
        await rows.put([pastRow(0, { id, endedAtMs: 200_000, revision: rev(2) })]);
      }
    }
    const expected = Array.from({ length: 60 }, (_, n) => n)
      .reverse()
      .map((n) => ({ endedAtMs: Math.floor(n / 10) * 1_000, id: idOf(n) }));
    assert.deepEqual(seen, expected);
  });

  it('every part of a filter must hold, and no character of it means another', async (open) => {
    const rows = open().table('history');
    await rows.put([
      pastRow(1, {
        userId: 'anna',
        queue: '4k_queue',
        state: 'failed',
        agentId: 'pc-1',
        channelName: 'Best %_* of',
      }),
      pastRow(2, {
        userId: "o'neil",
        queue: 'default_queue',
        state: 'published',
        channelName: 'BEST of [a-z].+',
      }),
      pastRow(3, { userId: 'anna', queue: 'default_queue', state: 'cancelled', channelName: 'Ärger' }),
    ]);
    const found = async (filter: PastFilter, after?: PastPlace): Promise<readonly number[]> =>
      (await rows.list(filter, 10, after)).map(({ endedAtMs }) => endedAtMs);
    assert.deepEqual(await found({}), [3, 2, 1]);
    assert.deepEqual(await found({ states: [] }), [3, 2, 1]);
    assert.deepEqual(await found({ userId: 'anna' }), [3, 1]);
    assert.deepEqual(await found({ userId: "o'neil" }), [2]);
    assert.deepEqual(await found({ userId: "' OR 1=1 --" }), []);
    assert.deepEqual(await found({ queue: 'default_queue', userId: 'anna' }), [3]);
    assert.deepEqual(await found({ agentId: 'pc-1' }), [1]);
    assert.deepEqual(await found({ states: ['published', 'failed'] }), [2, 1]);
    assert.deepEqual(await found({ channelText: 'best' }), [2, 1]);
    assert.deepEqual(await found({ channelText: '%_*' }), [1]);
    assert.deepEqual(await found({ channelText: '%' }), [1]);
    assert.deepEqual(await found({ channelText: '[a-z].+' }), [2]);
    assert.deepEqual(await found({ channelText: 'Ärg' }), [3]);
    assert.deepEqual(await found({ channelText: 'är' }), []);
    assert.deepEqual(await found({ endedFromMs: 2 }), [3, 2]);
    assert.deepEqual(await found({ endedBeforeMs: 2 }), [1]);
    assert.deepEqual(await found({ endedFromMs: 2, endedBeforeMs: 3 }), [2]);
    // Behind a place: whichever of the two is earlier.
    assert.deepEqual(await found({ endedBeforeMs: 2 }, { endedAtMs: 3, id: idOf(3) }), [1]);
    assert.deepEqual(await found({ endedBeforeMs: 3 }, { endedAtMs: 2, id: idOf(2) }), [1]);
  });

  it('what is rare is found behind thousands that do not match', async (open) => {
    const rows = open().table('history');
    for (let first = 0; first < 2_300; first += 100) {
      await rows.put(
        Array.from({ length: 100 }, (_, n) => pastRow(first + n, { endedAtMs: first + n + 10 })),
      );
    }
    await rows.put([pastRow(9_001, { userId: 'rare', endedAtMs: 5 })]);
    await rows.put([pastRow(9_002, { userId: 'rare', endedAtMs: 1_500 })]);
    const listed = await rows.list({ userId: 'rare' }, 10);
    assert.deepEqual(
      listed.map(({ endedAtMs }) => endedAtMs),
      [1_500, 5],
    );
    assert.equal((await rows.list({}, 1_000)).length, 1_000);
  });

  it('what is too old or too much goes in slices, the oldest first', async (open) => {
    const rows = open().table('history');
    const others = open().table('results');
    await rows.put(Array.from({ length: 50 }, (_, n) => pastRow(n)));
    await others.put([pastRow(1)]);
    const left = async (): Promise<number> => (await rows.list({}, 100)).length;
    const limits = { endedBeforeMs: 10, rowsMax: 45, sliceMax: 8 };
    assert.equal(await rows.expire(limits), 8);
    assert.equal(await left(), 42);
    assert.equal(await rows.expire(limits), 2);
    assert.equal(await rows.expire(limits), 0);
    assert.equal((await rows.list({}, 100)).at(-1)?.endedAtMs, 10);
    assert.equal(await rows.expire({ ...limits, rowsMax: 35 }), 5);
    assert.equal((await rows.list({}, 100)).at(-1)?.endedAtMs, 15);
    assert.equal(await rows.get(idOf(14)), undefined);
    assert.ok(await others.get(idOf(1)));
  });

  it('another one on the same storage sees it, after the first is closed too', async (open) => {
    const first = open();
    await first.table('results').put([pastRow(1)]);
    await first.close();
    await first.close();
    if (name !== 'memory')
      await assert.rejects(first.table('results').get(idOf(1)), { name: 'StoreUnavailable' });
    assert.equal((await open().table('results').get(idOf(1)))?.summary, '{"n":1}');
  });
}

/** Greater numbers have greater ids. */
export function idOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

function rev(n: number): string {
  return String(n).padStart(40, '0');
}

export function pastRow(n: number, more: Partial<PastRow> = {}): PastRow {
  return {
    id: idOf(n),
    endedAtMs: n,
    revision: rev(1),
    userId: 'user',
    queue: 'queue',
    state: 'published',
    agentId: '',
    channelName: 'channel',
    summary: `{"n":${n}}`,
    detail: '{}',
    ...more,
  };
}
