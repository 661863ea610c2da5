import { agentMutants } from './mutants/agent-mutants.ts';
import { controllerMutants } from './mutants/controller-mutants.ts';
import type { Mutant } from './mutants/mutant.ts';
import { outboxMutants } from './mutants/outbox-mutants.ts';
import { storageMutants } from './mutants/storage-mutants.ts';
import { realParts } from './parts.ts';

/** Deliberate bugs, each one a real function that is wrapped. */
export const mutants: readonly Mutant[] = [
  ...controllerMutants,
  ...agentMutants,
  ...storageMutants,
  ...outboxMutants,
];

/** Changes that change nothing: they must not be caught. */
export const harmless: readonly Mutant[] = [
  {
    name: 'everything wrapped, nothing changed',
    parts: {
      ...realParts,
      turn: (...args) => realParts.turn(...args),
      beginRecovery: (...args) => realParts.beginRecovery(...args),
      step: (...args) => realParts.step(...args),
      recover: (...args) => realParts.recover(...args),
      publish: (...args) => realParts.publish(...args),
      storeCommit: (write) => write(),
      shareSeen: (share) => ({ ...share }),
    },
    breaks: [],
  },
];
