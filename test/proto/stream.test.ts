import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { suite, test } from 'node:test';
import { linkLimits } from '../../proto/link-limits.ts';
import type { ByteStream } from '../../proto/stream.ts';
import { StreamLink } from '../../proto/stream.ts';

/** A stream whose other end takes nothing until the test says so. */
class StuckStream extends EventEmitter implements ByteStream {
  readonly written: Buffer[] = [];
  writableLength = 0;
  paused = false;

  write(bytes: Buffer): boolean {
    this.written.push(bytes);
    this.writableLength += 1;
    return this.writableLength < 16;
  }

  drain(): void {
    this.writableLength = 0;
    this.emit('drain');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

function openLink(limits: Partial<typeof linkLimits> = {}, signal?: AbortSignal) {
  const stream = new StuckStream();
  const ends: (Error | undefined)[] = [];
  const unknown: string[] = [];
  const side = {
    encode: (text: string) => Buffer.from(text),
    decode: (bytes: Buffer) => {
      const text = bytes.toString();
      if (text === 'bad') throw new Error('cannot be read');
      return text.startsWith('?')
        ? ({ known: false, unknown: text } as const)
        : ({ known: true, message: text } as const);
    },
    end: (error: Error | undefined) => ends.push(error),
  };
  const link = new StreamLink<string, string>(stream, side, {
    limits: { ...linkLimits, ...limits },
    onUnknown: (name) => unknown.push(name),
    ...(signal && { signal }),
  });
  return { stream, link, ends, unknown };
}

function codeOf(error: Error | undefined): unknown {
  return error && 'code' in error ? error.code : undefined;
}

async function collect(messages: AsyncIterable<string>): Promise<string[]> {
  const got: string[] = [];
  for await (const message of messages) got.push(message);
  return got;
}

suite('sending on a link', () => {
  test('says when there is no room, and when there is again', async () => {
    const { stream, link } = openLink();
    for (let count = 1; count < 16; count += 1) assert.equal(link.send('x'), true);
    assert.equal(link.send('x'), false);
    const drained = link.drained();
    stream.drain();
    await drained;
    assert.equal(link.send('x'), true);
    link.close();
  });

  test('refuses what is too large, and stays open', () => {
    const { stream, link, ends } = openLink({ messageBytesMax: 3 });
    assert.throws(() => link.send('four'), {
      code: 'MESSAGE_TOO_LARGE',
      message: 'The message is too large for the link: 4 bytes, at most 3',
    });
    assert.equal(link.send('new'), true);
    assert.equal(stream.written.length, 1);
    assert.deepStrictEqual(ends, []);
    link.close();
  });

  test('closes the link when too many messages wait', () => {
    const { link, ends, stream } = openLink();
    for (let count = 0; count < 256; count += 1) link.send('x');
    assert.throws(() => link.send('x'), { code: 'LINK_OVERFLOW' });
    assert.equal(link.send('x'), false);
    assert.equal(stream.written.length, 256);
    assert.deepStrictEqual(ends.map(codeOf), ['LINK_OVERFLOW']);
  });

  test('closes the link when nothing drains in time', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { link, ends, stream } = openLink();
    for (let count = 0; count < 20; count += 1) link.send('x');
    context.mock.timers.tick(9_999);
    stream.drain();
    for (let count = 0; count < 20; count += 1) link.send('x');
    context.mock.timers.tick(9_999);
    assert.equal(link.end, undefined);
    context.mock.timers.tick(1);
    assert.deepStrictEqual(ends.map(codeOf), ['LINK_STALLED']);
  });
});

suite('receiving on a link', () => {
  test('pauses the stream at its limit, and goes on when half is read', async () => {
    const { stream, link } = openLink({ unreadMax: 4 });
    for (const text of ['a', 'b', 'c', 'd']) stream.emit('data', Buffer.from(text));
    assert.equal(stream.paused, true);
    const reader = link.received[Symbol.asyncIterator]();
    await reader.next();
    assert.equal(stream.paused, true);
    await reader.next();
    assert.equal(stream.paused, false);
    link.close();
  });

  test('counts what it does not know, and goes on', async () => {
    const { stream, link, unknown } = openLink();
    for (const text of ['a', '?field 15', 'b']) stream.emit('data', Buffer.from(text));
    link.close();
    assert.deepStrictEqual(await collect(link.received), ['a', 'b']);
    assert.deepStrictEqual(unknown, ['?field 15']);
  });

  test('ends with the error of what cannot be read, after what came before', async () => {
    const { stream, link, ends } = openLink();
    for (const text of ['a', 'bad', 'b']) stream.emit('data', Buffer.from(text));
    const reader = link.received[Symbol.asyncIterator]();
    assert.deepStrictEqual(await reader.next(), { done: false, value: 'a' });
    await assert.rejects(reader.next(), /cannot be read/);
    assert.equal(ends.length, 1);
  });
});

suite('the end of a link', () => {
  test('has one cause: the first', async () => {
    const { link, ends } = openLink();
    link.close(new Error('first'));
    link.close(new Error('second'));
    link.finish({ by: 'them' });
    link.settle();
    assert.deepStrictEqual(ends, [new Error('first')]);
    assert.deepStrictEqual(await link.closed, { by: 'us', error: new Error('first') });
  });

  test('comes with the signal, before it and after it', async () => {
    const stop = new AbortController();
    const open = openLink({}, stop.signal);
    stop.abort(new Error('stop'));
    assert.deepStrictEqual(open.ends, [new Error('stop')]);
    const late = openLink({}, stop.signal);
    assert.deepStrictEqual(late.ends, [new Error('stop')]);
    await assert.rejects(collect(late.link.received), /stop/);
  });

  test('lets those go who wait for room', async () => {
    const { link } = openLink();
    for (let count = 0; count < 20; count += 1) link.send('x');
    const drained = link.drained();
    link.finish({ by: 'them' });
    await drained;
    assert.equal(link.send('x'), false);
  });
});
