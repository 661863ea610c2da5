import type { JournalRecord } from '../agent/core/journal-records.ts';
import { fenceText, type JobRef } from '../proto/agent-link.ts';

/** Frames that attempts encoded, and that jobs have, as far as journals tell. */
export function framesIn(journals: ReadonlyMap<string, readonly JournalRecord[]>): {
  readonly encoded: ReadonlyMap<string, number>;
  readonly needed: ReadonlyMap<string, number>;
} {
  const needed = new Map<string, number>();
  const encoded = new Map<string, number>();
  const add = (to: Map<string, number>, key: string, frames: number): void =>
    void to.set(key, (to.get(key) ?? 0) + frames);
  for (const [agentId, records] of journals) {
    // A journal that was written anew repeats its events: each number counts once.
    const numbers = new Set<string>();
    let journalId = '';
    for (const record of records) {
      if (record.kind === 'journal') journalId = record.journalId;
      if (record.kind === 'staged') needed.set(record.ref.jobId, record.manifest.frames);
      if (record.kind !== 'event') continue;
      const { ref, event, number } = record.event;
      if (numbers.has(`${journalId} ${number}`)) continue;
      numbers.add(`${journalId} ${number}`);
      if (event.type === 'segment-done' && !event.reused) add(encoded, keyOf(agentId, ref), event.frames);
    }
  }
  return { encoded, needed };
}

function keyOf(agentId: string, { jobId, fence }: JobRef): string {
  return `${agentId} ${jobId}-${fenceText(fence)}`;
}
