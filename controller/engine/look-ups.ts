import type { JobBody } from '../domain/job.ts';
import { jsonBytes } from './inbox.ts';
import type { LookedUp, LookUp } from './ports.ts';
import type { Effect, LookUpAnswer } from './turn/inputs.ts';
import type { Writer } from './writer.ts';

type Question = Extract<Effect, { kind: 'look-up' }>;

/** Asks the catalogue for one leadership; what it says is an input of the next turn. */
export class LookUps {
  readonly #writer: Writer;
  readonly #lookUp: LookUp;
  readonly #over = new AbortController();

  constructor(writer: Writer, lookUp: LookUp) {
    this.#writer = writer;
    this.#lookUp = lookUp;
  }

  /** Called when the turn that asks is committed: the jobs are as it saw them. */
  begin({ askId, jobIds }: Question): void {
    const bodies = jobIds.flatMap((jobId) => this.#writer.state.bodies.get(jobId) ?? []);
    void this.#ask(askId, bodies);
  }

  stop(reason: Error): void {
    this.#over.abort(reason);
  }

  async #ask(askId: string, bodies: readonly JobBody[]): Promise<void> {
    const { inbox } = this.#writer;
    try {
      const specs = bodies.map(({ spec }) => spec);
      const answers = answersOf(bodies, await this.#lookUp(specs, this.#over.signal));
      inbox.push({ kind: 'looked-up', askId, answers }, jsonBytes(answers));
    } catch (error) {
      if (this.#over.signal.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      inbox.push({ kind: 'catalog-away', askId, why });
    }
  }
}

/** What has not changed need not be written again. */
function answersOf(bodies: readonly JobBody[], found: readonly LookedUp[]): readonly LookUpAnswer[] {
  return bodies.flatMap(({ jobId, resolved }, index): readonly LookUpAnswer[] => {
    const answer = found[index];
    if (answer === undefined) return [];
    const isSame = 'paths' in answer && JSON.stringify(answer.paths.resolved) === JSON.stringify(resolved);
    return [{ jobId, ...(isSame ? { same: true } : answer) }];
  });
}
