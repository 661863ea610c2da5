import { rowKey } from '../../../controller/domain/outbox.ts';
import { realParts } from '../parts.ts';
import type { Mutant } from './mutant.ts';

/** Bugs of what destinations outside are told. */
export const outboxMutants: readonly Mutant[] = [
  {
    name: 'a row is in memory only, and not in the batch of its change',
    shownBy: 10,
    parts: {
      ...realParts,
      turn: (...args) => {
        const turned = realParts.turn(...args);
        return { ...turned, upserts: turned.upserts.filter(({ kind }) => kind !== 'row') };
      },
    },
    breaks: ['the newest is told', 'one result for each end'],
  },
  {
    name: 'what was told of a job settles also what has changed since',
    shownBy: 20,
    parts: {
      ...realParts,
      turn: (state, settings, inputs, moment) => {
        const settled = inputs.map((input) => {
          if (input.kind !== 'told') return input;
          const { mark } = state.rows.get(rowKey(input.destination, input.jobId)) ?? input;
          return { ...input, mark };
        });
        return realParts.turn(state, settings, settled, moment);
      },
    },
    breaks: ['the newest is told'],
  },
  {
    name: 'what was refused counts as told',
    shownBy: 30,
    parts: {
      ...realParts,
      turn: (state, settings, inputs, moment) => {
        const taken = inputs.map((input) => {
          if (input.kind !== 'told') return input;
          const { kind, destination, jobId, mark } = input;
          return { kind, destination, jobId, mark };
        });
        return realParts.turn(state, settings, taken, moment);
      },
    },
    breaks: ['the newest is told', 'one result for each end'],
  },
];
