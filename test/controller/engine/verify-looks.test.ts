import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Verification } from '../../../controller/engine/verification.ts';
import type { FileSeen } from '../../../proto/file-link.ts';
import { heartbeat } from '../../helpers/agent-messages.ts';
import { EngineController } from '../../helpers/engine-controller.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { begin, clip, gone, item, job, looker, manyItems } from '../../helpers/looking-agent.ts';
import { settled } from '../../helpers/manual-clock.ts';

function codes({ items }: Verification): readonly (readonly string[])[] {
  return items.map(({ faults }) => faults.map(({ code }) => code));
}

suite('asking agents about files', () => {
  test('an agent that is silent is not waited for; another one is asked, and then nobody', async () => {
    const farm = await new EngineController().start();
    const silent = await looker(farm, 'silent');
    const verifying = farm.engine.verify(job([item(0)]));
    await settled();
    const late = await looker(farm, 'late');
    // Whoever comes later is met at the next verify.
    const second = farm.engine.verify(job([item(1)]));
    await settled();
    await farm.clock.pass(10_000);
    await late.answerAll();
    const said = await Promise.all([verifying, second]);
    assert.deepEqual(
      said.map(({ renderable }) => renderable),
      [true, true],
    );
    assert.equal(silent.asks.length, 2);
    late.session.ended('closed');
    const third = begin(farm.engine.verify(job([item(2)])));
    await settled();
    assert.equal(silent.asks.length, 2, 'it is not asked for a while');
    assert.match((await third).items[0]?.unknown ?? '', /^silent has not answered of late/u);
  });

  test('a silent agent is left alone for a while, also where another one is asked about the same files', async () => {
    const farm = await new EngineController().start();
    const silent = await looker(farm, 'a silent one');
    const good = await looker(farm, 'good');
    const verifying = begin(farm.engine.verify(job([item(0)])));
    await settled();
    assert.deepEqual([silent.asks.length, good.asks.length], [1, 0]);
    await farm.clock.pass(10_000);
    assert.equal(good.answer(), 1, 'the other one is asked');
    assert.equal((await verifying).renderable, true);

    // It is silent about files, and alive.
    for (let sequence = 1; sequence <= 5; sequence += 1) {
      await farm.clock.pass(sequence < 5 ? 6_000 : 5_999);
      for (const { session } of [silent, good]) session.deliver({ ...heartbeat, sequence });
    }
    await settled();
    const second = begin(farm.engine.verify(job(manyItems(200))));
    await settled();
    await good.answerAll();
    assert.equal(silent.asks.length, 1);
    assert.equal((await second).renderable, true);

    await farm.clock.pass(1);
    const third = begin(farm.engine.verify(job([item(1)])));
    await settled();
    assert.equal(silent.asks.length, 2, 'it may have found its voice');
    silent.answer();
    assert.equal((await third).renderable, true);
  });

  test('an agent that had no time is asked again after a while, not at once', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    const verifying = begin(farm.engine.verify(job([item(0)])));
    await settled();
    pc1.answer(() => ({ state: 'not-looked', message: 'busy' }));
    await farm.clock.pass(499);
    assert.equal(pc1.asks.length, 1);
    await farm.clock.pass(1);
    assert.equal(pc1.answer(), 1);
    assert.equal((await verifying).renderable, true);
  });

  test('an agent that leaves in the middle leaves its files to another one, or to nobody', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    const verifying = farm.engine.verify(job(manyItems(200)));
    await settled();
    assert.equal(pc1.asks.length, 2, 'two questions at a time');
    const pc2 = await looker(farm, 'pc2');
    const meeting = farm.engine.verify(job([item(900)]));
    await settled();
    pc1.session.ended('closed');
    await pc2.answerAll();
    assert.equal((await verifying).renderable, true);
    assert.equal((await meeting).renderable, true);

    const alone = farm.engine.verify(job([item(0)]));
    await settled();
    pc2.session.ended('closed');
    assert.equal((await alone).items[0]?.unknown, 'pc2 has left');
  });

  test('an agent that comes back is not asked again about what it has left unanswered', async () => {
    const farm = await new EngineController().start();
    const before = await looker(farm, 'pc1');
    const verifying = begin(farm.engine.verify(job([item(0)])));
    await settled();
    const pc2 = await looker(farm, 'pc2');
    const many = begin(farm.engine.verify(job(manyItems(201).slice(1))));
    await settled();
    const asked = before.asks.flatMap(({ paths }) => paths);
    assert.deepEqual([asked.length, pc2.asks.length], [65, 2]);
    before.session.ended('closed');
    // The other one has no time yet: what was left waits for it.
    const after = await looker(farm, 'pc1');
    const meeting = begin(farm.engine.verify(job([item(900)])));
    await settled();
    await after.answerAll();
    const askedAfter = after.asks.flatMap(({ paths }) => paths);
    assert.ok(askedAfter.some((path) => path.endsWith('900.mp4')));
    assert.deepEqual(
      askedAfter.filter((path) => asked.includes(path)),
      [],
    );
    await pc2.answerAll();
    const all = await Promise.all([verifying, many, meeting]);
    assert.ok(all.every(({ renderable }) => renderable));
  });

  test('the whole has a limit, whatever agents say', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    const verifying = begin(farm.engine.verify(job([item(0), item(1)])));
    const busy = (): FileSeen => ({ state: 'not-looked', message: 'busy' });
    for (let n = 0; n < 2; n += 1) {
      await settled();
      pc1.answer(busy);
      await farm.clock.pass(500);
    }
    await farm.clock.pass(30_000);
    const said = await verifying;
    assert.equal(said.renderable, undefined);
    assert.match(said.items[0]?.unknown ?? '', /busy|not answered|had looked/u);
    assert.equal(farm.clock.timers, 1);
  });

  test('several shares are asked of the agents that mount them', async () => {
    const shares = [
      ...farmSettings().shares,
      { name: 'more', roots: ['\\\\nas\\More'], role: 'source' as const },
    ];
    const farm = await new EngineController().start({ shares });
    const clips = await looker(farm, 'clips', ['clips', 'results']);
    const more = await looker(farm, 'more', ['more', 'results']);
    const verifying = farm.engine.verify(job([item(0), item(1, { path: '\\\\nas\\More\\b.mp4' })]));
    await settled();
    clips.answer();
    more.answer();
    const said = await verifying;
    assert.equal(said.renderable, true);
    assert.deepEqual(
      [clips, more].map(({ asks }) => asks.flatMap(({ paths }) => paths)),
      [['\\\\nas\\Clips\\0.mp4'], ['\\\\nas\\More\\b.mp4']],
    );
    assert.equal(said.forecast?.agentId, undefined, 'no agent reaches both');
    assert.match(said.forecast?.summary ?? '', /^no agent can take it/u);
  });

  test('what one agent finds missing is asked of one other: when they disagree, it is there, and both are told', async () => {
    const farm = await new EngineController().start();
    const agents = [await looker(farm, 'pc1'), await looker(farm, 'pc2'), await looker(farm, 'pc3')];
    const verifying = farm.engine.verify(job([item(0), item(1)]));
    for (let round = 0; round < 3; round += 1) {
      await settled();
      for (const [index, agent] of agents.entries())
        agent.answer((path) => (path.endsWith('1.mp4') || index === 0 ? gone : clip));
    }
    const said = await verifying;
    assert.deepEqual(codes(said), [[], ['FILE_MISSING']]);
    assert.deepEqual(said.items[0]?.warnings, ['pc1 cannot read it (does not exist); pc2 can']);
    assert.equal(agents[2]?.asks.length, 0, 'two opinions are enough');
  });

  test('small jobs do not wait for a large one, and an agent is never asked more than twice at a time', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    const large = begin(farm.engine.verify(job(manyItems(2_000))));
    await settled();
    const small = begin(farm.engine.verify(job([item(5_000)])));
    await settled();
    pc1.answer();
    await settled();
    assert.ok(
      pc1.asks.some(({ paths }) => paths.some((path) => path.endsWith('5000.mp4'))),
      'the small job has had its turn',
    );
    pc1.answer();
    assert.equal((await small).renderable, true);
    assert.ok(pc1.asks.length <= 6, `${pc1.asks.length} questions before the small job had its turn`);
    assert.ok(pc1.asks.every(({ paths }) => paths.length <= 64));
    await pc1.answerAll();
    assert.equal((await large).items.length, 2_000);
    assert.equal(pc1.asks.flatMap(({ paths }) => paths).length, 2_001, 'each file once');
  });

  test('long paths are asked about in smaller questions: a stream that carries jobs is not held up', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    const folder = 'f'.repeat(100);
    const long = (position: number): string =>
      `\\\\nas\\Clips\\${`${folder}\\`.repeat(9)}${String(position).padStart(4, '0')}.mp4`;
    const items = Array.from({ length: 64 }, (_, position) => item(position, { path: long(position) }));
    const verifying = begin(farm.engine.verify(job(items)));
    await pc1.answerAll();
    assert.equal((await verifying).renderable, true);
    const characters = pc1.asks.map(({ paths }) => paths.join('').length);
    assert.ok(
      characters.every((count) => count < 32 * 1024 + 1_000),
      characters.join(', '),
    );
    assert.equal(pc1.asks.flatMap(({ paths }) => paths).length, 64);
  });

  test('a hundred at once are answered; more are refused, and find room again later', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    const all = Array.from({ length: 100 }, (_, n) => begin(farm.engine.verify(job([item(n)]))));
    await settled();
    await assert.rejects(farm.engine.verify(job([item(0)])), { code: 'TOO_MANY_REQUESTS' });
    await pc1.answerAll();
    assert.ok((await Promise.all(all)).every(({ renderable }) => renderable === true));
    const next = farm.engine.verify(job([item(0)]));
    await pc1.answerAll();
    assert.equal((await next).renderable, true);
  });

  test('files beyond what may wait are refused; those that wait are answered', async () => {
    const farm = await new EngineController().start();
    await looker(farm, 'pc1');
    const all = Array.from({ length: 26 }, () => begin(farm.engine.verify(job(manyItems(2_000)))));
    await settled();
    await assert.rejects(all[25] ?? assert.fail(), { code: 'TOO_MANY_REQUESTS' });
    await farm.clock.pass(30_000);
    assert.equal((await all[24])?.renderable, undefined);
  });

  test('ends with the reign: nobody is answered by a controller that does not lead', async () => {
    const farm = await new EngineController().start();
    await looker(farm, 'pc1');
    const verifying = begin(farm.engine.verify(job([item(0)])));
    await settled();
    farm.disk.expireLeadership();
    await settled();
    await assert.rejects(verifying, { code: 'NOT_LEADING' });
    await farm.engine.stop();
    await assert.rejects(farm.engine.verify(job([item(0)])), { code: 'SHUTTING_DOWN' });
  });

  test('an agent is believed about what it was asked on its own stream only', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    const liar = await looker(farm, 'liar', ['results']);
    const verifying = farm.engine.verify(job([item(0), item(1)]));
    await settled();
    const [ask] = pc1.asks;
    assert.ok(ask);
    liar.session.deliver({ kind: 'files-seen', lookId: ask.lookId, files: [gone, gone] });
    liar.session.deliver({ kind: 'files-seen', lookId: 'never asked', files: [gone] });
    // Too few answers: the others are asked for again, three times at most.
    pc1.session.deliver({ kind: 'files-seen', lookId: ask.lookId, files: [clip] });
    for (let n = 0; n < 3; n += 1) {
      await settled();
      const again = pc1.asks.at(-1);
      if (again) pc1.session.deliver({ kind: 'files-seen', lookId: again.lookId, files: [] });
      await farm.clock.pass(600);
    }
    const said = await verifying;
    assert.deepEqual(codes(said), [[], []]);
    assert.deepEqual(
      [said.items[0]?.pathAvailable, said.items[1]?.unknown],
      [true, 'pc1: it gave no answer'],
    );
  });
});
