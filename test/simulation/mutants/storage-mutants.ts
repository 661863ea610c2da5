import type { OutputShare } from '../../../agent/attempt/output-share.ts';
import { realParts } from '../parts.ts';
import type { Mutant } from './mutant.ts';

/** Bugs of the store, of the journal and of what an agent does on the output share. */
export const storageMutants: readonly Mutant[] = [
  {
    name: 'acknowledged before it is durable',
    parts: {
      ...realParts,
      storeCommit(write) {
        write().catch(() => undefined);
        return Promise.resolve({ result: 'committed' });
      },
    },
    breaks: ['acknowledged job lost', 'acknowledged cancel lost', 'sent before it was durable'],
  },
  {
    name: 'a term is used again after a lost tail',
    parts: { ...realParts, newTerm: (stored) => stored + 1 },
    breaks: ['a term is issued once', 'a fence is issued once'],
  },
  {
    name: 'a frozen leader goes on: its commits are not fenced',
    parts: {
      ...realParts,
      isHeld: () => true,
      async storeCommit(write, { disk, batch, epoch }) {
        const result = await write();
        if (result.result === 'stale-epoch') disk.write(batch, epoch);
        return { result: 'committed' };
      },
    },
    breaks: ['only the leader writes', 'sent before it was durable'],
  },
  {
    name: 'an agent sends before its journal is durable',
    shownBy: 5,
    parts: {
      ...realParts,
      afterFsync(write, leave) {
        leave();
        write(() => undefined);
      },
    },
    breaks: ['what was sent is durable', 'event numbers are used once', 'one outcome', 'a job never ends'],
  },
  {
    name: 'a rename without looking',
    shownBy: 22,
    parts: { ...realParts, shareSeen: blind },
    breaks: ['published twice', 'a grant decides', 'a job never ends'],
  },
  {
    name: 'any share will do: its identity is not compared',
    shownBy: 7,
    parts: { ...realParts, shareSeen: (share) => ({ ...share, identity: () => Promise.resolve('any') }) },
    breaks: ['published twice', 'a grant decides', 'two may publish', 'a job never ends'],
  },
  {
    name: 'a grant is annulled without looking',
    shownBy: 19,
    parts: { ...realParts, annulPublish: () => Promise.resolve({ result: 'annulled' }) },
    breaks: ['a grant decides', 'two may publish', 'published without the grant', 'published twice'],
  },
];

/** Whether the target is there is not looked at: what has the final name already is written over. */
function blind(share: OutputShare): OutputShare {
  const isTarget = (path: string) => path.split('/').length === 3;
  return { ...share, exists: (path) => (isTarget(path) ? Promise.resolve(false) : share.exists(path)) };
}
