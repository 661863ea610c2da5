import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { LogFileName, LogNews, LogQuery, LogReads } from '../../controller/domain/log-files.ts';
import type { LogStanding } from '../../controller/engine/farm.ts';
import { Growth } from '../../controller/joblogs/growth.ts';
import { openJobLogs } from '../../controller/joblogs/job-logs.ts';
import { openLogIndex } from '../../controller/joblogs/log-index.ts';
import { openLogReads } from '../../controller/joblogs/log-reads.ts';
import type { LogReadsOptions } from '../../controller/joblogs/log-reads-options.ts';
import { Turns } from '../../controller/joblogs/turns.ts';
import { ManualClock } from './manual-clock.ts';
import { tempFolder } from './temp-folder.ts';

export const logJobId = 'aaaaaaaa-0000-4000-8000-000000000001';
const logPlace = { logDate: '2026-11-22', username: 'ann', channelName: 'My Channel', jobId: logJobId };
const folderName = `2026-11-22/ann/jobs/My_Channel_${logJobId}`;

/** A logs folder with a farm that has one job, and a clock that stands still. */
export async function openLogReader(t: TestContext, changes: Partial<LogReadsOptions> = {}) {
  const root = await tempFolder(t);
  const clock = new ManualClock();
  const growth = new Growth();
  const index = openLogIndex(root);
  const standings = new Map<string, LogStanding>([
    [logJobId, { place: logPlace, hasEnded: false, attemptNumber: 1 }],
  ]);
  const farm = { logOf: (id: string) => Promise.resolve(standings.get(id)) };
  const logs = openJobLogs({ root, turns: new Turns(), growth, index });
  const reads = openLogReads({ root, growth, index, farm, clock, ...changes });
  const address = (file: LogFileName, attemptNumber = 1) => ({ place: logPlace, attemptNumber, file });
  const room = {
    root,
    folderName,
    clock,
    standings,
    reads,
    path: (name: string) => join(root, folderName, name),
    async add(text: string, file: LogFileName = 'job.log', attemptNumber = 1) {
      const to = address(file, attemptNumber);
      await logs.append(to, await logs.size(to), Buffer.from(text));
    },
    end: async (file: LogFileName = 'job.log', attemptNumber = 1) =>
      logs.end(address(file, attemptNumber), await logs.size(address(file, attemptNumber))),
    stands: (changes: Partial<LogStanding>) =>
      standings.set(logJobId, { place: logPlace, hasEnded: false, attemptNumber: 1, ...changes }),
    read: (query: Partial<LogQuery> = {}) => logReader(t, reads, query),
  };
  return room;
}

type Room = Awaited<ReturnType<typeof openLogReader>>;

/** What one reader was told, and what it is told next. */
export function logReader(t: TestContext, reads: LogReads, query: Partial<LogQuery>) {
  const leaving = new AbortController();
  const news = reads.read(
    { jobId: logJobId, file: 'job.log', offsetBytes: 0, follow: false, ...query },
    leaving.signal,
  );
  t.after(async () => {
    leaving.abort();
    await news.return();
  });
  const reader = {
    text: '',
    next: async (): Promise<LogNews | undefined> => {
      const { value } = await news.next();
      if (value?.kind === 'data') reader.text += Buffer.from(value.data).toString();
      return value ?? undefined;
    },
    /** Everything to the end. */
    async rest() {
      for (;;) {
        const one = await reader.next();
        if (one === undefined || one.kind === 'end') return { text: reader.text, end: one };
      }
    },
    leave: () => leaving.abort(),
  };
  return reader;
}

/** The disk is real, and the clock is not: it goes on until this has come to an end. */
export async function whilePassing<T>(room: Pick<Room, 'clock' | 'root'>, work: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const over = work.finally(() => (state.isOver = true));
  over.catch(() => undefined);
  while (!state.isOver) {
    await room.clock.pass(1_000);
    await readdir(room.root);
  }
  return await over;
}

export function setTimeoutOf(room: Room, ms: number, work: () => Promise<void>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  room.clock.after(ms, () => void work().then(() => resolve(undefined), reject));
  return promise;
}
