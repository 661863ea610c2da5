import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { JobDraft } from '../../../controller/domain/job-draft.ts';
import { validateJob, violationText } from '../../../controller/domain/validate.ts';
import { checkTimesAt } from '../../../controller/domain/validate-times.ts';
import type { Wishes } from '../../../proto/agent-link.ts';
import { jobDraft as job } from '../../helpers/job-draft.ts';

const nowMs = Date.UTC(2026, 2, 1);
const dayMs = 86_400_000;
const rules = {
  isInSourceShare: () => true,
  newJobId: '00000000-0000-4000-8000-000000000001',
  nowMs,
};

function wishes(changes: Partial<Wishes>): Wishes {
  return { onlyOn: [], notOn: [], labels: [], ...changes };
}

/** All that is said of a new job of these fields. */
function problemsOf(changes: Partial<JobDraft>): readonly string[] {
  const draft = { ...job, ...changes };
  const result = validateJob(draft, rules);
  const violations = result.valid ? checkTimesAt(result.spec, nowMs) : result.violations;
  return violations.map(violationText);
}

suite('wishes', () => {
  test('are kept without repetitions, and not at all where they say nothing', () => {
    const result = validateJob({ ...job, wishes: wishes({ onlyOn: ['pc1', 'pc2', 'pc1'] }) }, rules);
    assert.deepEqual(result.valid && result.spec.wishes, wishes({ onlyOn: ['pc1', 'pc2'] }));
    const empty = validateJob({ ...job, wishes: wishes({}) }, rules);
    assert.equal(empty.valid && 'wishes' in empty.spec, false);
  });

  test('name agents and labels as agents may be called, at most 64 in a list', () => {
    const names = Array.from({ length: 64 }, (_, index) => `pc-${index}.farm_a`);
    assert.deepEqual(problemsOf({ wishes: wishes({ onlyOn: names, labels: names }) }), []);
    assert.deepEqual(problemsOf({ wishes: wishes({ labels: [...names, 'x'] }) }), [
      'wishes.labels: must have at most 64 names, not 65',
    ]);
    const form = 'must be letters, digits, dots, dashes; at most 63';
    assert.deepEqual(problemsOf({ wishes: wishes({ onlyOn: ['pc1', 'pc 2', '../pc3'], notOn: [''] }) }), [
      `wishes.only_on[1]: ${form}`,
      `wishes.only_on[2]: ${form}`,
      `wishes.not_on[0]: ${form}`,
    ]);
  });

  test('contradict each other where an agent is wished and not', () => {
    assert.deepEqual(problemsOf({ wishes: wishes({ onlyOn: ['a', 'b'], notOn: ['c', 'b'] }) }), [
      'wishes.not_on[1]: must not be in only_on too: b',
    ]);
  });
});

suite('times', () => {
  test('may be a year ahead at most, and the deadline behind both now and not_before', () => {
    const soon = nowMs + 1;
    assert.deepEqual(problemsOf({ notBeforeMs: soon, deadlineMs: soon + 1 }), []);
    assert.deepEqual(problemsOf({ notBeforeMs: nowMs + 366 * dayMs }), []);
    assert.deepEqual(problemsOf({ notBeforeMs: nowMs + 366 * dayMs + 1 }), [
      'not_before: must be at most 366 days ahead',
    ]);
    assert.deepEqual(problemsOf({ deadlineMs: nowMs }), ['deadline: must be in the future']);
    assert.deepEqual(problemsOf({ notBeforeMs: soon, deadlineMs: soon }), [
      'deadline: must be after not_before',
    ]);
  });

  test('that have come are no reason to wait, and no mistake', () => {
    assert.deepEqual(problemsOf({ notBeforeMs: nowMs - dayMs }), []);
  });

  test('that are none are named', () => {
    for (const time of [Number.NaN, -1, Number.POSITIVE_INFINITY, 253_402_300_800_000]) {
      assert.deepEqual(
        problemsOf({ notBeforeMs: time })[0],
        'not_before: must be a time between 1970 and 9999',
      );
      assert.deepEqual(problemsOf({ deadlineMs: time })[0], 'deadline: must be a time between 1970 and 9999');
    }
  });

  test('do not make a job invalid that may have been taken before they passed', () => {
    const late = { ...job, deadlineMs: nowMs - 1 };
    assert.equal(validateJob(late, rules).valid, true);
    // What is wrong anyway is told all that is wrong.
    const fields = violationsOf({ ...late, userId: '' }).map(({ field }) => field);
    assert.deepEqual(fields, ['user_id', 'deadline']);
  });
});

function violationsOf(draft: JobDraft) {
  const result = validateJob(draft, rules);
  return result.valid ? [] : result.violations;
}

const name = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'pc-1', 'PC.2_x', 'z'.repeat(63)) },
  { weight: 1, arbitrary: fc.constantFrom('', ' ', 'a b', '-a', '../a', 'a\n', 'ü', 'z'.repeat(64)) },
);
const list = fc.oneof(
  { weight: 12, arbitrary: fc.array(name, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(fc.constant('a'), { minLength: 63, maxLength: 66, size: 'max' }) },
);
const time = fc.option(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom(-400, -1, 0, 1, 2, 365, 366, 367).map((day) => nowMs + day * dayMs),
    },
    { weight: 4, arbitrary: fc.integer({ min: nowMs - 3, max: nowMs + 3 }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, -1, 0, 1e15) },
  ),
  { nil: undefined },
);
const draft = fc.record({
  wishes: fc.option(fc.record({ onlyOn: list, notOn: list, labels: list }), { nil: undefined }),
  notBeforeMs: time,
  deadlineMs: time,
});

/** The rules as the .proto tells them, said in another way than the code does. */
function brokenRules({ wishes: given, notBeforeMs, deadlineMs }: Draft): readonly string[] {
  const { onlyOn = [], notOn = [], labels = [] } = given ?? {};
  const lists = { 'wishes.only_on': onlyOn, 'wishes.not_on': notOn, 'wishes.labels': labels };
  const broken = Object.entries(lists).flatMap(([field, names]) =>
    names.length > 64 ||
    names.some((one) => one.length > 63 || !/^[\w.-]*$/.test(one) || !/^[^\W_]/.test(one))
      ? [field]
      : [],
  );
  const isBoth = onlyOn.length <= 64 && notOn.length <= 64 && onlyOn.some((one) => notOn.includes(one));
  const isNone = (at: number | undefined) => at !== undefined && !(at >= 0 && at < 253_402_300_800_000);
  // What is no time is before and after nothing.
  const isEarly =
    notBeforeMs !== undefined && !isNone(notBeforeMs) && (deadlineMs ?? Infinity) <= notBeforeMs;
  const isLate = (deadlineMs ?? Infinity) <= nowMs || isEarly;
  return [
    ...broken,
    ...(isBoth ? ['wishes.not_on'] : []),
    ...(isNone(notBeforeMs) || (notBeforeMs ?? 0) > nowMs + 366 * dayMs ? ['not_before'] : []),
    ...(isNone(deadlineMs) || isLate ? ['deadline'] : []),
  ];
}

type Draft = Pick<JobDraft, 'wishes' | 'notBeforeMs' | 'deadlineMs'>;

/** `wishes.only_on[2]: ...` is about `wishes.only_on`. */
function fieldsOf(problems: readonly string[]): readonly string[] {
  return [...new Set(problems.map((problem) => /^[\w.]+/.exec(problem)?.[0] ?? problem))].toSorted();
}

test('A job is taken when it breaks no rule, and each rule that it breaks is named by its field', (t) => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const seen = { taken: 0, refused: 0 };
  const check = (changes: Draft) => {
    const problems = problemsOf(changes);
    seen[problems.length === 0 ? 'taken' : 'refused'] += 1;
    assert.deepEqual(fieldsOf(problems), [...new Set(brokenRules(changes))].toSorted());
  };
  fc.assert(fc.property(draft, check), { seed: 20_261_122, numRuns: 1_500 });
  fc.assert(fc.property(draft, check), { seed, numRuns: 1_500 });
  assert.ok(seen.taken > 200 && seen.refused > 200, JSON.stringify(seen));
});
