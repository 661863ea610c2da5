import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { planAssist } from '../../../controller/scheduling/assist.ts';
import {
  defaultAssistTuning,
  type HelpedJob,
  type HelperSlot,
  type LooseItem,
} from '../../../controller/scheduling/assist-snapshot.ts';

/** Ten seconds of output, copied in 200 ms. */
function item(position: number, changes: Partial<LooseItem> = {}): LooseItem {
  return { position, outputMs: 10_000, sourceBytes: 20_000_000, ...changes };
}

/** Its owner needs five seconds for an item, and has a minute left. */
function job(changes: Partial<HelpedJob> = {}): HelpedJob {
  return {
    jobId: 'a',
    rank: 1,
    ownLeftMs: 60_000,
    ownSpeed: 2,
    usual: { outputMs: 10_000, sourceBytes: 20_000_000 },
    loose: [],
    helpersEndMs: [],
    helpersSpeed: 0,
    mayAsk: true,
    ...changes,
  };
}

function slot(
  agentId: string,
  speed = 2,
  jobs: readonly string[] = ['a'],
  copyBytesPerMs = 100_000,
): HelperSlot {
  return { agentId, copyBytesPerMs, speedOf: new Map(jobs.map((jobId) => [jobId, speed])) };
}

describe('What helpers are given', () => {
  it('is one item for each slot, of equal ones the first of the job first', () => {
    const loose = [item(3), item(9), item(7)];
    const { gifts } = planAssist([job({ loose })], [slot('pc2'), slot('pc3')]);
    assert.deepEqual(
      gifts.map(({ position, agentId }) => [position, agentId]),
      [
        [3, 'pc2'],
        [7, 'pc3'],
      ],
    );
    assert.equal(gifts[0]?.endsInMs, 5_200);
  });

  it('is the longest item, which saves most, in the slot that is fastest', () => {
    const loose = [item(3), item(4, { outputMs: 20_000 })];
    const { gifts } = planAssist([job({ loose })], [slot('pc2', 1), slot('pc3', 4)]);
    assert.deepEqual([gifts[0]?.agentId, gifts[0]?.position], ['pc3', 4]);
  });

  it('is nothing that takes longer than five minutes there', () => {
    const long = { loose: [item(3)], ownLeftMs: 3_600_000, ownSpeed: 0.02 };
    assert.equal(planAssist([job(long)], [slot('pc2', 10 / 299)]).gifts.length, 1);
    assert.equal(planAssist([job(long)], [slot('pc2', 10 / 300)]).gifts.length, 0);
  });

  it('saves more than twice its copying', () => {
    // The owner saves five seconds by it.
    const bytes = (ms: number) => ({ loose: [item(3, { sourceBytes: ms * 100_000 })] });
    assert.equal(planAssist([job(bytes(2_499))], [slot('pc2')]).gifts.length, 1);
    assert.equal(planAssist([job(bytes(2_500))], [slot('pc2')]).gifts.length, 0);
  });

  it('is nothing at the end of a job, where the helper would be the last to end', () => {
    assert.equal(planAssist([job({ loose: [item(3)], ownLeftMs: 5_000 })], [slot('pc2')]).gifts.length, 0);
    assert.equal(planAssist([job({ loose: [item(3)], ownLeftMs: 10_000 })], [slot('pc2')]).gifts.length, 1);
    const late = { loose: [item(3)], ownLeftMs: 10_000, helpersEndMs: [12_000] };
    assert.equal(planAssist([job(late)], [slot('pc2')]).gifts.length, 0);
  });

  it('goes to the higher class first, then to the job that is furthest from its end', () => {
    const jobs = [
      job({ jobId: 'a', loose: [item(1)], ownLeftMs: 100_000 }),
      job({ jobId: 'b', loose: [item(1)], ownLeftMs: 200_000 }),
      job({ jobId: 'c', loose: [item(1)], ownLeftMs: 50_000, rank: 2 }),
    ];
    const given = (slots: number) =>
      planAssist(
        jobs,
        Array.from({ length: slots }, () => slot('pc2', 2, ['a', 'b', 'c'])),
      ).gifts.map(({ jobId }) => jobId);
    assert.deepEqual(given(1), ['c']);
    assert.deepEqual(given(2), ['c', 'b']);
  });
});

describe('What owners are asked for', () => {
  it('is two items for each slot that could take one, and no longer than such a slot takes', () => {
    const { asks } = planAssist([job()], [slot('pc2'), slot('pc3', 1)]);
    assert.deepEqual(asks, [{ jobId: 'a', itemsMax: 4, outputMaxMs: 600_000 }]);
  });

  it('is nothing while enough is at hand, or while they may not be asked', () => {
    const loose = [item(1), item(2)];
    const helped = { helpersEndMs: [5_000], helpersSpeed: 2 };
    assert.deepEqual(planAssist([job({ ...helped, loose })], []).asks, []);
    assert.deepEqual(planAssist([job({ mayAsk: false })], [slot('pc2')]).asks, []);
    assert.equal(planAssist([job(helped)], []).asks[0]?.itemsMax, 2);
  });

  it('is nothing near the end, and nothing for slots that cannot help', () => {
    assert.deepEqual(planAssist([job({ ownLeftMs: 5_000 })], [slot('pc2')]).asks, []);
    assert.deepEqual(planAssist([job()], [slot('pc2', 2, ['b'])]).asks, []);
  });

  it('asks one owner for one idle slot', () => {
    const jobs = [job({ jobId: 'a' }), job({ jobId: 'b', ownLeftMs: 90_000 })];
    const { asks } = planAssist(jobs, [slot('pc2', 2, ['a', 'b'])]);
    assert.deepEqual(
      asks.map(({ jobId }) => jobId),
      ['b'],
    );
  });
});

const figure = fc.oneof(
  fc.nat({ max: 1_000_000 }),
  fc.constantFrom(0, 0.5, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN, -1),
);
const anyItem = fc.record({ position: fc.nat({ max: 30 }), outputMs: figure, sourceBytes: figure });
const anyJob = fc.record({
  jobId: fc.constantFrom('a', 'b', 'c'),
  rank: fc.nat({ max: 3 }),
  ownLeftMs: figure,
  ownSpeed: figure,
  usual: fc.record({ outputMs: figure, sourceBytes: figure }),
  loose: fc.uniqueArray(anyItem, { maxLength: 8, selector: ({ position }) => position }),
  helpersEndMs: fc.array(figure, { maxLength: 3 }),
  helpersSpeed: figure,
  mayAsk: fc.boolean(),
});
const anySlot: fc.Arbitrary<HelperSlot> = fc.record({
  agentId: fc.constantFrom('pc2', 'pc3'),
  copyBytesPerMs: figure,
  speedOf: fc
    .dictionary(fc.constantFrom('a', 'b', 'c'), figure)
    .map((speeds) => new Map(Object.entries(speeds))),
});

describe('Any plan of assist', () => {
  it('gives no item twice, none that was not released, no slot two, and asks no more than is allowed', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyJob, { maxLength: 3, selector: ({ jobId }) => jobId }),
        fc.array(anySlot, { maxLength: 6 }),
        (jobs, slots) => {
          const { gifts, asks } = planAssist(jobs, slots);
          const byId = new Map<string, HelpedJob>(jobs.map((each) => [each.jobId, each]));
          const items = gifts.map(({ jobId, position }) => `${jobId}/${position}`);
          assert.equal(new Set(items).size, items.length);
          for (const { jobId, position, endsInMs, agentId } of gifts) {
            const loose = byId.get(jobId)?.loose.find((each) => each.position === position);
            assert.ok(loose);
            assert.ok(endsInMs <= defaultAssistTuning.itemMaxMs, `${endsInMs} ms`);
            const mine = gifts.filter((gift) => gift.agentId === agentId).length;
            assert.ok(mine <= slots.filter((each) => each.agentId === agentId).length);
          }
          for (const { jobId, itemsMax, outputMaxMs } of asks) {
            assert.equal(byId.get(jobId)?.mayAsk, true);
            assert.ok(itemsMax > 0 && itemsMax <= defaultAssistTuning.askMax && Number.isInteger(itemsMax));
            assert.ok(Number.isSafeInteger(outputMaxMs) && outputMaxMs >= 0, `${outputMaxMs}`);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
