import type { PriorityClass, Wishes, WorkClass } from '../../proto/agent-link.ts';

/** What decides which agents can take a job at all, apart from the job's own history. */
export interface JobNeeds {
  readonly queue: string;
  readonly workClass: WorkClass;
  readonly shares: readonly string[];
  /** Which agents it may go to; absent: any. */
  readonly wishes?: Wishes;
  /** Features that its agent must speak; absent: none. */
  readonly requires?: readonly string[];
}

/** What a job's place among others of its class is made of. */
export interface JobAge {
  /** Since when it waits: its submit, or when it could have started first. */
  readonly submittedAtMs: number;
  /** Order of submission; breaks ties. */
  readonly sequence: number;
  readonly jobId: string;
  /** Jobs with a deadline stand in lines of their own, the nearest first. */
  readonly deadlineMs?: number;
}

/** A job as a line keeps it. */
export interface LineEntry extends JobNeeds, JobAge {
  readonly userId: string;
  readonly priority: PriorityClass;
}

/** Jobs of one user and priority class that need the same, oldest or nearest deadline first. */
export class WaitingLine {
  readonly key: string;
  readonly needs: JobNeeds;
  readonly userId: string;
  readonly priority: PriorityClass;
  readonly #entries: LineEntry[] = [];

  constructor(key: string, needs: JobNeeds, { userId, priority }: LineEntry) {
    this.key = key;
    this.needs = needs;
    this.userId = userId;
    this.priority = priority;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(entry: LineEntry): void {
    // Almost always the newest of all: a requeued job keeps its age.
    this.#entries.splice(this.#firstBehind(entry), 0, entry);
  }

  remove(entry: LineEntry): void {
    const index = this.#firstBehind(entry) - 1;
    if (this.#entries[index]?.jobId !== entry.jobId) throw new Error(`job ${entry.jobId} is not in its line`);
    this.#entries.splice(index, 1);
  }

  /** The first job behind this one, which may have left meanwhile; the very first without one. */
  behind(entry: JobAge | undefined): LineEntry | undefined {
    return this.#entries[entry === undefined ? 0 : this.#firstBehind(entry)];
  }

  /** How many of its first jobs pass the test; every job that passes must stand before every one that does not. */
  countWhile(test: (entry: LineEntry) => boolean): number {
    return this.#search((entry) => !test(entry));
  }

  #firstBehind(entry: JobAge): number {
    return this.#search((other) => compareInLine(other, entry) > 0);
  }

  /** Index of the first entry for which the test is true; it stays true behind it. */
  #search(test: (entry: LineEntry) => boolean): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && test(entry)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/**
 * The jobs that wait, in lines: one for each user, class and need. A plan looks at the heads of a few lines, so that its cost
 * does not grow with the number of jobs behind them.
 */
export class WaitingLines {
  readonly #lines = new Map<string, WaitingLine>();
  /** Lines that need the same share what they need, so that it is looked at once for all of them. */
  readonly #needs = new Map<string, { readonly needs: JobNeeds; lines: number }>();
  readonly #places = new Map<string, { readonly line: WaitingLine; readonly entry: LineEntry }>();

  get size(): number {
    return this.#places.size;
  }

  has(jobId: string): boolean {
    return this.#places.has(jobId);
  }

  /** Puts a job into its line, or into another one where its class or needs have changed. */
  put(entry: LineEntry): void {
    const key = lineKey(entry);
    const before = this.#places.get(entry.jobId);
    if (before?.line.key === key && compareInLine(before.entry, entry) === 0) return;
    this.remove(entry.jobId);
    const line = this.#lines.get(key) ?? this.#begin(key, entry);
    line.add(entry);
    this.#places.set(entry.jobId, { line, entry });
  }

  /** Idempotent. */
  remove(jobId: string): void {
    const place = this.#places.get(jobId);
    if (place === undefined) return;
    this.#places.delete(jobId);
    place.line.remove(place.entry);
    if (place.line.size === 0) this.#end(place.line, place.entry);
  }

  #begin(key: string, entry: LineEntry): WaitingLine {
    const needed = needsKey(entry);
    const known = this.#needs.get(needed) ?? { needs: needsOf(entry), lines: 0 };
    known.lines += 1;
    this.#needs.set(needed, known);
    const line = new WaitingLine(key, known.needs, entry);
    this.#lines.set(key, line);
    return line;
  }

  #end(line: WaitingLine, entry: LineEntry): void {
    this.#lines.delete(line.key);
    const needed = needsKey(entry);
    const known = this.#needs.get(needed);
    if (known === undefined) return;
    known.lines -= 1;
    if (known.lines === 0) this.#needs.delete(needed);
  }

  lineOf(jobId: string): WaitingLine | undefined {
    return this.#places.get(jobId)?.line;
  }

  lines(): Iterable<WaitingLine> {
    return this.#lines.values();
  }
}

/** Older first. */
export function compareAge(a: JobAge, b: JobAge): number {
  const byTime = a.submittedAtMs - b.submittedAtMs || a.sequence - b.sequence;
  if (byTime !== 0 || a.jobId === b.jobId) return byTime;
  return a.jobId < b.jobId ? -1 : 1;
}

/** In one line either all jobs have a deadline or none has. */
function compareInLine(a: JobAge, b: JobAge): number {
  return (a.deadlineMs ?? 0) - (b.deadlineMs ?? 0) || compareAge(a, b);
}

function lineKey(entry: LineEntry): string {
  const { userId, priority, deadlineMs } = entry;
  return JSON.stringify([priority, userId, deadlineMs !== undefined, needsKey(entry)]);
}

function needsKey({ queue, workClass, shares, wishes, requires = [] }: JobNeeds): string {
  const wished = wishes && [sorted(wishes.onlyOn), sorted(wishes.notOn), sorted(wishes.labels)];
  return JSON.stringify([queue, workClass, sorted(shares), wished, sorted(requires)]);
}

function needsOf({ queue, workClass, shares, wishes, requires }: JobNeeds): JobNeeds {
  return { queue, workClass, shares, ...(wishes && { wishes }), ...(requires && { requires }) };
}

function sorted(names: readonly string[]): readonly string[] {
  return [...names].sort();
}
