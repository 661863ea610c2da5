import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DiskRoomOptions, openDiskRoom } from '../../../agent/media/disk-room.ts';

/** 1,000 bytes free, nothing that could be given up. */
function smallDisk(options: Partial<DiskRoomOptions> = {}) {
  return openDiskRoom({
    folder: 'cache',
    bytesMax: 1_000_000,
    freeBytesMin: 0,
    freeBytes: () => Promise.resolve(1_000),
    contentBytes: () => 0,
    evictContent: () => Promise.resolve(false),
    evictOther: () => Promise.resolve(false),
    ...options,
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

describe('the room of a job that goes on', () => {
  it('becomes less with its work, and never more again without being asked for', async () => {
    const hold = smallDisk().hold();
    await hold.demand({ sourceBytes: 0, workBytes: 500 });
    hold.workLeft(300);
    hold.workLeft(400);
    assert.equal(hold.unused().workBytes, 300);
  });
});

it("what else is on the disk is not given up for the cache's own limit, where it would not help", async () => {
  const evictOther = () => assert.fail('nothing but contents counts for that limit');
  const hold = smallDisk({ bytesMax: 100, evictOther }).hold();
  const lack = await hold.demand({ sourceBytes: 200, workBytes: 0 });
  assert.match(lack ?? '', /200 more bytes would make 200 of at most 100/u);
});
