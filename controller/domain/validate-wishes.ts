import type { Wishes } from '../../proto/agent-link.ts';
import type { FieldViolation } from './errors.ts';
import { isPlainName, plainNameRule } from './text-rules.ts';

/** Names in one list of a job's wishes. */
export const wishesMax = 64;

/**
 * What is wrong with a job's wishes. Whether there is an agent that meets them is not asked: it may come later. A name
 * that no agent can ever have is a mistake, though.
 */
export function checkWishes(wishes: Wishes | undefined): readonly FieldViolation[] {
  if (wishes === undefined) return [];
  const { onlyOn, notOn, labels } = wishes;
  return [
    ...checkNames('only_on', onlyOn),
    ...checkNames('not_on', notOn),
    ...wishedAndNot(onlyOn, notOn),
    ...checkNames('labels', labels),
  ];
}

/** The wishes without repetitions; undefined where they say nothing. */
export function givenWishes(wishes: Wishes | undefined): Wishes | undefined {
  if (wishes === undefined) return undefined;
  const onlyOn = [...new Set(wishes.onlyOn)];
  const notOn = [...new Set(wishes.notOn)];
  const labels = [...new Set(wishes.labels)];
  return onlyOn.length + notOn.length + labels.length === 0 ? undefined : { onlyOn, notOn, labels };
}

function checkNames(list: string, names: readonly string[]): readonly FieldViolation[] {
  const field = `wishes.${list}`;
  if (names.length > wishesMax) {
    return [{ field, description: `must have at most ${wishesMax} names, not ${names.length}` }];
  }
  return names.flatMap((name, index) =>
    isPlainName(name) ? [] : [{ field: `${field}[${index}]`, description: plainNameRule }],
  );
}

function wishedAndNot(onlyOn: readonly string[], notOn: readonly string[]): readonly FieldViolation[] {
  if (Math.max(onlyOn.length, notOn.length) > wishesMax) return [];
  const wished = new Set(onlyOn);
  return notOn.flatMap((name, index) =>
    wished.has(name) && isPlainName(name)
      ? [{ field: `wishes.not_on[${index}]`, description: `must not be in only_on too: ${name}` }]
      : [],
  );
}
