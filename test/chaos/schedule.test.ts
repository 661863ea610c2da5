import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultKinds } from '../../chaos/fault.ts';
import { type ChaosOptions, readOptions } from '../../chaos/options.ts';
import { seededRandom } from '../../chaos/random.ts';
import { type PlannedFault, planFaults } from '../../chaos/schedule.ts';

type Plan = Pick<ChaosOptions, 'store' | 'only'>;

function firstFaults(seed: number, count: number, plan: Partial<Plan> = {}): readonly PlannedFault[] {
  const faults = planFaults(seededRandom(seed), { store: 'redis', only: [], ...plan });
  return Array.from({ length: count }, () => faults.next().value);
}

describe('The schedule of faults', () => {
  it('is decided by its seed', () => {
    assert.deepEqual(firstFaults(7, 50), firstFaults(7, 50));
    assert.notDeepEqual(firstFaults(7, 50), firstFaults(8, 50));
  });

  it('has every kind of fault, and every moment at which something is killed', () => {
    const faults = firstFaults(1, 3_000).map(({ fault }) => fault);
    assert.deepEqual(new Set(faults.map(({ kind }) => kind)), new Set(faultKinds));
    const killed = new Set(
      faults.flatMap((fault) => (fault.kind === 'kill' && fault.who === 'controller' ? [fault.at] : [])),
    );
    assert.equal(killed.size, 10);
  });

  it('has no Redis to break where the farm has none', () => {
    const words = firstFaults(1, 1_000, { store: 'sqlite' }).map(({ fault }) => JSON.stringify(fault));
    assert.deepEqual(
      words.filter((text) => text.includes('redis')),
      [],
    );
  });

  it('keeps to the kinds that are asked for', () => {
    const faults = firstFaults(1, 50, { only: ['share', 'clone'] });
    assert.deepEqual(new Set(faults.map(({ fault }) => fault.kind)), new Set(['share', 'clone']));
  });
});

describe('The options of a chaos run', () => {
  it('have defaults, and one controller where the store is a file', () => {
    const options = readOptions([], 1_234_567);
    assert.deepEqual(
      [options.store, options.agents, options.controllers, options.seed],
      ['sqlite', 3, 1, 234_567],
    );
    assert.equal(readOptions(['--store', 'redis'], 0).controllers, 2);
  });

  it('are refused with the name of what is wrong', () => {
    assert.throws(() => readOptions(['--minutes', 'long'], 0), /--minutes is a number/u);
    assert.throws(() => readOptions(['--agents', '2.5'], 0), /--agents is a whole number/u);
    assert.throws(() => readOptions(['--store', 'mysql'], 0), /--store is sqlite or redis/u);
    assert.throws(() => readOptions(['--only', 'weather'], 0), /no such kind of fault: weather/u);
  });
});
