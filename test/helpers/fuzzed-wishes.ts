import type { JobSpec } from '../../controller/domain/job.ts';
import { manyItems } from './assist-farm.ts';

/** What jobs ask for: each can be met by healthy agents, sooner or later. */
export const wishKinds = ['nothing', 'many items', 'later', 'by then', 'only on pc1', 'not on pc1'] as const;

export function wished(kind: (typeof wishKinds)[number], nowMs: number): Partial<JobSpec> {
  switch (kind) {
    case 'nothing':
      return {};
    case 'many items':
      return { items: manyItems(0).items };
    case 'later':
      return { notBeforeMs: nowMs + 300_000 };
    case 'by then':
      return { deadlineMs: nowMs + 60_000 };
    case 'only on pc1':
      return { wishes: { onlyOn: ['pc1'], notOn: [], labels: [] } };
    case 'not on pc1':
      return { wishes: { onlyOn: [], notOn: ['pc1'], labels: [] } };
  }
}
