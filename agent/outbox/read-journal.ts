import type { JournalAttempt, JournalState } from '../core/journal-fold.ts';
import { applyRecord, emptyJournal } from '../core/journal-fold.ts';
import { decodeLine } from './record-line.ts';

/** What a journal's bytes say. */
export interface ReadJournal {
  readonly state: JournalState;
  /** Bytes of whole lines at the beginning: what follows is a torn tail, which was never acted upon. */
  readonly wholeBytes: number;
  /** Lines that are broken although whole ones follow: the disk has lost something that it had promised to keep. */
  readonly brokenLines: number;
}

/**
 * Reads a journal. A torn end is what a crash leaves and is dropped. After damage further up event numbers can no
 * longer be trusted, so that what is left is numbered anew in a journal with a new identity (protocol.md, Identities).
 */
export function readJournal(bytes: Uint8Array, newJournalId: string): ReadJournal {
  let state = emptyJournal(newJournalId);
  let wholeBytes = 0;
  let brokenLines = 0;
  let pendingBroken = 0;
  for (const { text, endsAt } of linesOf(bytes)) {
    const record = decodeLine(text);
    if (record === undefined) {
      pendingBroken += 1;
      continue;
    }
    brokenLines += pendingBroken;
    pendingBroken = 0;
    wholeBytes = endsAt;
    state = applyRecord(state, record);
  }
  return { state: brokenLines > 0 ? renumber(state, newJournalId) : state, wholeBytes, brokenLines };
}

function* linesOf(bytes: Uint8Array): Generator<{ text: string; endsAt: number }> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  for (let end = buffer.indexOf(10, start); end >= 0; end = buffer.indexOf(10, start)) {
    yield { text: buffer.toString('utf8', start, end), endsAt: end + 1 };
    start = end + 1;
  }
}

function renumber(state: JournalState, journalId: string): JournalState {
  const numbers = new Map(state.events.map((event, index) => [event.number, index + 1]));
  const attempts = new Map<string, JournalAttempt>();
  for (const [key, attempt] of state.attempts) {
    const { endedByEvent, ...rest } = attempt;
    // Without its event an ended attempt is let go with the next acknowledgement.
    attempts.set(
      key,
      endedByEvent === undefined ? rest : { ...rest, endedByEvent: numbers.get(endedByEvent) ?? 1 },
    );
  }
  return {
    ...state,
    journalId,
    acked: 0,
    lastEvent: state.events.length,
    events: state.events.map((event, index) => ({ ...event, number: index + 1 })),
    attempts,
  };
}
