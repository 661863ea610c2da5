import { type FarmProcess, startProcess } from './farm-process.ts';

type Row = Readonly<Record<string, unknown>>;

interface Urls {
  readonly supabase: string;
  readonly bigQuery: string;
  readonly control: string;
}

/** Supabase and BigQuery, as far as the farm can tell, in a process of their own. */
export class OutageStudio implements AsyncDisposable {
  readonly #process: FarmProcess;
  /** Where the farm finds them. */
  readonly urls: Urls;

  private constructor(process: FarmProcess, urls: Urls) {
    this.#process = process;
    this.urls = urls;
  }

  /** @param userId whom it knows by name */
  static async open(userId: string): Promise<OutageStudio> {
    const process = startProcess('bench/outage-studio-main.ts', [userId]);
    const urls = await process.find((line) => /^studio (\{.*\})$/u.exec(line)?.[1]);
    return new OutageStudio(process, JSON.parse(urls) as Urls);
  }

  async kill(): Promise<void> {
    await this.#tell('kill');
  }

  async comeBack(): Promise<void> {
    await this.#tell('come-back');
  }

  /** Of these jobs: how many are shown as they ended, and how many rows there are beyond one of each. */
  async check(jobIds: ReadonlySet<string>): Promise<{ readonly right: number; readonly twice: number }> {
    const reply = await fetch(`${this.urls.control}/shown`);
    const { jobs, items, results } = (await reply.json()) as Record<'jobs' | 'items' | 'results', Row[]>;
    const shown = new Map(jobs.map((row) => [row['job_id'], row]));
    const counted = [jobs, items, results].map(countsOf);
    let [right, twice] = [0, 0];
    for (const jobId of jobIds) {
      const row = shown.get(jobId);
      const counts = counted.map((byJob) => byJob.get(jobId) ?? 0);
      twice += counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
      const isRight =
        row?.['status'] === 'completed' &&
        row['progress'] === 100 &&
        Boolean(row['output_path'] && row['completed_at']);
      if (isRight && counts.every((count) => count === 1)) right += 1;
    }
    return { right, twice };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }

  async #tell(what: string): Promise<void> {
    const reply = await fetch(`${this.urls.control}/${what}`, { method: 'POST' });
    if (!reply.ok) throw new Error(`the studio does not ${what}: ${reply.status}`);
  }
}

function countsOf(rows: readonly Row[]): ReadonlyMap<unknown, number> {
  const counts = new Map<unknown, number>();
  for (const row of rows) counts.set(row['job_id'], (counts.get(row['job_id']) ?? 0) + 1);
  return counts;
}
