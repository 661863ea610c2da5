import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import { planView } from '../../../controller/engine/turn/plan-view.ts';
import { AssistFarm, helping, joinClasses } from '../../helpers/assist-farm.ts';

function summaryOf(farm: AssistFarm): string {
  return explanation(farm.state, farm.settings, farm.nowMs, farm.ref.jobId)?.summary ?? '';
}

describe('Of a job that is helped', () => {
  it('explain tells who helps and how much came of it, the plan what each renders, the timelines both', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.attach('pc3', helping());
    farm.release(2);
    farm.release(2, 3);
    assert.match(summaryOf(farm), /; pc2, pc3 help$/u);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.finish(pc2, item);
    assert.match(summaryOf(farm), /pc2, pc3 help; 1 item by helpers so far$/u);
    const [, second] = planView(farm.state, farm.nowMs).agents;
    const [running] = second?.running ?? [];
    assert.deepEqual(running?.helps, { agentId: 'pc1', position: 3 });
    assert.equal(running.jobId, farm.ref.jobId);
    assert.ok((running.endMs ?? 0) > 4_000);
    const entries = farm.state.jobs.get(farm.ref.jobId)?.timeline.filter(({ what }) => what === 'helped');
    assert.deepEqual(
      entries?.map(({ detail }) => detail),
      ['pc2 renders items of it for pc1', 'pc3 renders items of it for pc1'],
    );
    const [attempt] = farm.state.attempts.values();
    assert.equal(attempt?.timeline.at(-1)?.detail, 'item 1 was rendered by pc2');
  });
});

describe('Of a job that nobody helps explain tells why', () => {
  const reasons: readonly (readonly [Parameters<typeof helping>[0], RegExp])[] = [
    [{ segmentCacheId: 'cache-2' }, /no agent helps: pc2 reaches another segment cache$/u],
    [
      { joinClasses: joinClasses.map((each) => ({ ...each, id: 'class-2' })) },
      /no agent helps: pc2 has another join class$/u,
    ],
    [{ queues: ['other'] }, /no agent helps: pc2 not subscribed to default_queue$/u],
  ];
  for (const [changes, words] of reasons) {
    it(String(words), () => {
      const farm = new AssistFarm().begin();
      farm.attach('pc2', helping(changes));
      assert.match(summaryOf(farm), words);
    });
  }

  it('its own PC is the reason, or there is no other', () => {
    const farm = new AssistFarm().begin();
    assert.match(summaryOf(farm), /no agent helps: there is no other$/u);
    const alone = new AssistFarm().begin({ joinClasses: [] });
    alone.attach('pc2', helping());
    assert.match(summaryOf(alone), /no agent helps: pc1 has no join class for such jobs$/u);
  });

  it('nothing is told of it where assist is off', () => {
    const farm = new AssistFarm({ assist: false }).begin();
    assert.doesNotMatch(summaryOf(farm), /help/u);
  });
});
