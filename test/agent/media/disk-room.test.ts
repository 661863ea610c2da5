import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openDiskRoom } from '../../../agent/media/disk-room.ts';

/** 1,000 bytes free, nothing that could be given up. */
function smallDisk() {
  return openDiskRoom({
    folder: 'cache',
    bytesMax: 1_000_000,
    freeBytesMin: 0,
    freeBytes: () => Promise.resolve(1_000),
    contentBytes: () => 0,
    evictContent: () => Promise.resolve(false),
    evictOther: () => Promise.resolve(false),
  });
}

describe('the room of a job that ends', () => {
  it('is free again but for a copy that goes on for somebody else', async () => {
    const room = smallDisk();
    const first = room.hold();
    assert.equal(await first.demand({ sourceBytes: 900, workBytes: 50 }), undefined);
    const giveBack = await room.reserve(600, first);
    first.release();
    first.release();
    assert.equal(room.copyingBytes(), 600);
    const second = room.hold();
    assert.match((await second.demand({ sourceBytes: 0, workBytes: 500 })) ?? '', /would leave -100 free/);
    giveBack();
    giveBack();
    assert.equal(room.copyingBytes(), 0);
    assert.equal(await second.demand({ sourceBytes: 0, workBytes: 500 }), undefined);
    second.release();
    assert.equal(await room.hold().demand({ sourceBytes: 0, workBytes: 1_000 }), undefined);
  });
});
