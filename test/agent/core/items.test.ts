import assert from 'node:assert/strict';
import test from 'node:test';
import type { GpuLane } from '../../../agent/core/gpu-choice.ts';
import type { AssignItem, ItemRef } from '../../../proto/index.ts';
import { assignment, CoreDriver, jobRef, ofType, sent } from '../../helpers/agent-core.ts';
import { inventory } from '../../helpers/agent-messages.ts';

const shared = inventory({ segmentCacheId: 'cache-1' });

/** An agent that reaches the shared cache. */
function helper(slots = 1, gpuLanes: readonly GpuLane[] = []): CoreDriver {
  const core = new CoreDriver({ slots });
  core.input({ type: 'inventory', inventory: { ...shared, slots }, gpuLanes });
  core.attach();
  return core;
}

function itemOf(jobId = 'other', position = 3, right = 1): ItemRef {
  return { ref: jobRef(jobId, 7), position, right: { term: 1, counter: right } };
}

function assignItem(item = itemOf(), changes: Partial<AssignItem> = {}): AssignItem {
  const { job } = assignment(item.ref);
  return {
    kind: 'assign-item',
    item,
    job: { ...job, items: [{ position: item.position, itemType: 'video', path: '\\\\nas\\Clips\\a.mp4' }] },
    frames: 30,
    segmentKey: 'key',
    runMs: 10_000,
    stallMs: 60_000,
    startStallMs: 120_000,
    ...changes,
  };
}

const done = { result: 'done', reused: false, framesEncoded: 30 } as const;
const stopped = { result: 'stopped', reused: false, framesEncoded: 4 } as const;

test('An item takes a slot, is written down nowhere, and is answered once when its process tree is gone', () => {
  const core = helper();
  const before = core.records.length;
  const item = itemOf();
  const effects = core.receive(assignItem(item));
  assert.deepEqual(
    ofType(effects, 'start-item').map(({ assign }) => assign.item),
    [item],
  );
  assert.deepEqual(sent(effects), [], 'what becomes of it is the only answer');
  assert.deepEqual(core.receive(assignItem(item)), [], 'a word that comes twice starts nothing');
  const second = sent(core.receive(assignItem(itemOf('other', 4, 2))));
  assert.partialDeepStrictEqual(second, [{ result: 'declined', code: 'NO_SLOT' }]);

  const answers = sent(core.input({ type: 'item', item, report: done }));
  assert.deepEqual(answers, [{ kind: 'item-finished', item, ...done }]);
  assert.deepEqual(sent(core.receive(assignItem(item))), answers, 'the same right again: the same answer');
  assert.deepEqual(sent(core.input({ type: 'item', item, report: done })), [], 'a report too many is none');
  assert.equal(ofType(core.receive(assignItem(itemOf('other', 4, 3))), 'start-item').length, 1);
  assert.equal(core.records.length, before);
});

test('Declines say why', () => {
  const declined = (core: CoreDriver, assign = assignItem()): string | undefined => {
    const [answer] = sent(core.receive(assign));
    assert.ok(answer?.kind === 'item-finished' && answer.result === 'declined');
    return answer.code;
  };
  const noCache = new CoreDriver();
  noCache.attach();
  assert.equal(declined(noCache), 'NO_SHARED_CACHE');

  const full = helper();
  const { job } = assignItem();
  assert.equal(declined(full, assignItem(itemOf(), { job: { ...job, items: [] } })), 'ITEM_UNCLEAR');
  assert.equal(declined(full, assignItem(itemOf('other', 4), { job })), 'ITEM_UNCLEAR');
  assert.equal(declined(full, assignItem(itemOf('another'), { job })), 'ITEM_UNCLEAR');
  full.input({ type: 'scratch-space', freeBytes: 1, availableBytes: 100e6, reserved: [] });
  assert.equal(declined(full, assignItem(itemOf('other', 3, 2))), 'NO_SCRATCH_SPACE');

  const cordoned = helper();
  cordoned.receive({ kind: 'set-mode', mode: 'cordoned', reason: 'service' });
  assert.equal(declined(cordoned), 'CORDONED');

  const probing = helper();
  probing.receive({ kind: 'check-host', checkId: 'c1', causes: [], shares: [] });
  assert.equal(declined(probing), 'BUSY_PROBING');

  const busy = helper(2);
  busy.receive(assignment(jobRef('other', 7)));
  assert.equal(declined(busy), 'OWN_JOB');

  const leaving = helper();
  leaving.receive(assignment(jobRef('mine', 1)));
  leaving.input({ type: 'shutdown', reason: 'shutdown' });
  assert.equal(declined(leaving), 'SHUTTING_DOWN');
});

test("Room that is promised to items is not promised to others, and is in no job's way", () => {
  const core = helper(3);
  core.input({ type: 'scratch-space', freeBytes: 1, availableBytes: 600 * 1024 ** 2, reserved: [] });
  core.receive(assignItem(itemOf('a', 0, 1)));
  core.receive(assignItem(itemOf('b', 0, 2)));
  const third = sent(core.receive(assignItem(itemOf('c', 0, 3))));
  assert.partialDeepStrictEqual(third, [{ code: 'NO_SCRATCH_SPACE' }], '256 MiB are promised to each');
  // The shell has measured them by now.
  const reserved = ['a/0', 'b/0'].map((jobId) => ({ jobId, bytes: 1_000 }));
  core.input({ type: 'scratch-space', freeBytes: 1, availableBytes: 600 * 1024 ** 2, reserved });
  assert.equal(ofType(core.receive(assignItem(itemOf('c', 0, 4))), 'start-item').length, 1);
  const replies = sent(core.receive(assignment(jobRef('mine', 1))));
  assert.partialDeepStrictEqual(replies, [{ kind: 'assignment-reply', accepted: true }]);
});

test('An item needs no room for the sources of the other items of its job', () => {
  const core = helper();
  core.receive({ kind: 'ask-sources', jobId: 'other', enable4k: false, rateProfile: 'studio', items: [] });
  const found = { totalBytes: 50e9, presentBytes: 0, presentSegments: 0, presentOutputMs: 0 };
  core.input({ type: 'sources', jobId: 'other', found });
  core.input({ type: 'scratch-space', freeBytes: 1, availableBytes: 1e9, reserved: [] });
  assert.equal(ofType(core.receive(assignItem()), 'start-item').length, 1);
});

test('A job takes the place of an item, which is stopped before the job begins', () => {
  const core = helper();
  const item = itemOf();
  core.receive(assignItem(item));
  const effects = core.receive(assignment(jobRef('mine', 1)));
  const order = effects.map(({ type }) => type).filter((type) => type !== 'send');
  assert.deepEqual(order, ['stop-item', 'start-attempt']);
  assert.deepEqual(ofType(effects, 'stop-item')[0]?.item, item);
  assert.partialDeepStrictEqual(sent(effects), [{ kind: 'assignment-reply', accepted: true }]);
  const answers = sent(core.input({ type: 'item', item, report: { ...stopped, message: 'aborted' } }));
  assert.partialDeepStrictEqual(answers, [{ result: 'stopped', code: 'JOB_CAME', framesEncoded: 4 }]);
  assert.partialDeepStrictEqual(sent(core.receive(assignItem(itemOf('other', 4, 2)))), [{ code: 'NO_SLOT' }]);
});

test('A job goes to the GPU without an item; where all have one, only its own makes way', () => {
  const speeds = [{ workClass: 'hd', speed: 1, runs: 0 }];
  const lanes = [0, 1].map((index) => ({ index, slots: 1, speeds }));
  const core = helper(2, lanes);
  const [first] = ofType(core.receive(assignItem(itemOf('other', 3, 1))), 'start-item');
  assert.equal(first?.gpuIndex, 0);
  const [job] = ofType(core.receive(assignment(jobRef('mine', 1))), 'start-attempt');
  assert.equal(job?.gpuIndex, 1);
  const effects = core.receive(assignment(jobRef('mine2', 2)));
  assert.equal(ofType(effects, 'start-attempt')[0]?.gpuIndex, 0);
  assert.equal(ofType(effects, 'stop-item').length, 1);

  const both = helper(2, lanes);
  const items = [itemOf('other', 3, 1), itemOf('other', 4, 2)];
  for (const item of items) both.receive(assignItem(item));
  const came = both.receive(assignment(jobRef('mine', 1)));
  const place = ofType(came, 'start-attempt')[0]?.gpuIndex;
  assert.deepEqual(
    ofType(came, 'stop-item').map(({ item }) => item),
    items.filter((_, gpuIndex) => gpuIndex === place),
  );
});

test('An item ends with its time, with a cancel, with a drain and when the agent leaves, each told by the first cause', () => {
  const reason = (core: CoreDriver, effects: ReturnType<CoreDriver['input']>): string | undefined => {
    assert.equal(ofType(effects, 'stop-item').length, 1);
    assert.deepEqual(core.receive({ kind: 'cancel-item', item: itemOf(), reason: 'too late' }), []);
    const [answer] = sent(core.input({ type: 'item', item: itemOf(), report: stopped }));
    return answer?.kind === 'item-finished' && answer.result === 'stopped' ? answer.code : undefined;
  };
  const busy = (): CoreDriver => {
    const core = helper();
    core.receive(assignItem());
    return core;
  };
  const timed = busy();
  assert.deepEqual(ofType(timed.tick(9_000), 'stop-item'), []);
  assert.equal(reason(timed, timed.tick(1_000)), 'RUN_TIME');

  const cancelled = busy();
  const effects = cancelled.receive({ kind: 'cancel-item', item: itemOf(), reason: 'the owner has it' });
  assert.equal(reason(cancelled, effects), 'CANCELLED');

  const drained = busy();
  assert.equal(
    reason(drained, drained.receive({ kind: 'set-mode', mode: 'draining', reason: 'service' })),
    'CORDONED',
  );
  const cordoned = busy();
  const nothing = cordoned.receive({ kind: 'set-mode', mode: 'cordoned', reason: 'service' });
  assert.deepEqual(ofType(nothing, 'stop-item'), [], 'a cordon lets it come to its end');

  const leaving = busy();
  const left = leaving.input({ type: 'shutdown', reason: 'shutdown' });
  assert.equal(sent(left).length, 0, 'no Goodbye while its process tree lives');
  assert.equal(reason(leaving, left), 'SHUTTING_DOWN');
  assert.equal(sent(leaving.effects).at(-1)?.kind, 'goodbye');

  const late = busy();
  late.receive({ kind: 'cancel-item', item: itemOf(), reason: 'too late' });
  const answer = sent(late.input({ type: 'item', item: itemOf(), report: done }));
  assert.partialDeepStrictEqual(answer, [{ result: 'done' }], 'what is done is done');
});

test('Cancel of an item that is not held is answered, once it was ended as it ended', () => {
  const core = helper();
  const cancel = { kind: 'cancel-item', item: itemOf(), reason: 'unknown right' } as const;
  assert.partialDeepStrictEqual(sent(core.receive(cancel)), [
    { result: 'stopped', message: 'unknown right' },
  ]);
  core.receive(assignItem(itemOf('other', 3, 2)));
  core.input({ type: 'item', item: itemOf('other', 3, 2), report: done });
  const again = core.receive({ ...cancel, item: itemOf('other', 3, 2) });
  assert.partialDeepStrictEqual(sent(again), [{ result: 'done' }]);
});

test('Losing the stream is not losing the item: Hello names it, and what ended meanwhile is told on the next one', () => {
  const core = helper(2);
  const [running, over] = [itemOf('other', 3, 1), itemOf('other', 4, 2)];
  for (const item of [running, over]) core.receive(assignItem(item));
  assert.deepEqual(
    ofType(core.input({ type: 'link-closed', linkId: core.linkId, reason: 'cut' }), 'stop-item'),
    [],
  );
  assert.deepEqual(sent(core.input({ type: 'item', item: over, report: done })), []);
  const [hello, ...words] = sent(core.attach());
  assert.ok(hello?.kind === 'hello');
  assert.deepEqual(hello.heldItems, [running]);
  assert.partialDeepStrictEqual(
    words.filter(({ kind }) => kind === 'item-finished'),
    [{ item: over, result: 'done' }],
  );
  assert.equal(sent(core.attach()).filter(({ kind }) => kind === 'item-finished').length, 0, 'once');
});

test('An item without an encoder session takes a slot away, as an attempt does', () => {
  const core = helper(2);
  core.receive(assignItem());
  core.receive(assignment(jobRef('mine', 1)));
  const report = {
    result: 'failed',
    reused: false,
    framesEncoded: 0,
    code: 'ENCODER_SESSION_LIMIT',
  } as const;
  const words = sent(core.input({ type: 'item', item: itemOf(), report }));
  const [told] = words.filter(({ kind }) => kind === 'inventory');
  assert.ok(told?.kind === 'inventory');
  assert.equal(told.inventory.slots, 1);
});

test('An owner gives up items of a job that renders, and of no other', () => {
  const core = helper();
  const ref = jobRef('mine', 1);
  const ask = { kind: 'release-items', ref, itemsMax: 2, outputMaxMs: 60_000 } as const;
  const nothing = [{ kind: 'items-released', ref, items: [] }];
  assert.deepEqual(sent(core.receive(ask)), nothing);
  core.receive(assignment(ref));
  assert.deepEqual(sent(core.receive(ask)), nothing, 'its files are not here yet');
  core.report(ref, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 30 });
  assert.deepEqual(ofType(core.receive(ask), 'release-items'), [{ type: 'release-items', ask }]);
  const items = [{ position: 3, frames: 30, sourceBytes: 10, segmentKey: 'k' }];
  assert.deepEqual(sent(core.input({ type: 'items-released', ref, items })), [
    { kind: 'items-released', ref, items },
  ]);
  const item = { ...itemOf(), ref };
  const told = { kind: 'item-ended', item, agentId: 'pc2', isDone: true, reason: '' } as const;
  assert.deepEqual(ofType(core.receive(told), 'tell-owner'), [{ type: 'tell-owner', told }]);
  assert.deepEqual(core.receive({ ...told, item: itemOf() }), [], 'of a job that is not held');
  const reclaimed = { positions: [3], why: 'own-turn' } as const;
  assert.deepEqual(sent(core.input({ type: 'items-reclaimed', ref, reclaimed })), [
    { kind: 'items-reclaimed', ref, ...reclaimed },
  ]);

  core.attach({ verdicts: [{ ref, decision: { verdict: 'adopt', fence: { term: 1, counter: 9 } } }] });
  assert.deepEqual(sent(core.input({ type: 'items-released', ref, items })), nothing, 'of the old fence');
  assert.deepEqual(sent(core.input({ type: 'items-reclaimed', ref, reclaimed })), []);
  core.report(jobRef('mine', 9), { type: 'encoded' });
  assert.deepEqual(sent(core.receive({ ...ask, ref: jobRef('mine', 9) })), [
    { ...nothing[0], ref: jobRef('mine', 9) },
  ]);
});
