import assert from 'node:assert/strict';
import type { PastJobInput, Reply } from '../../controller/engine/turn/inputs.ts';
import { inShort } from '../../controller/history/row-text.ts';
import { jobId, type TurnFarm } from './turn-farm.ts';

/** What history would have of the ended jobs of a farm. */
export class Archive {
  readonly #farm: TurnFarm;
  readonly #kept = new Map<string, PastJobInput>();
  #replies = 0;

  constructor(farm: TurnFarm) {
    this.#farm = farm;
  }

  /** As its destination is told of them. */
  keep(): void {
    const { state } = this.#farm;
    for (const id of state.endedJobs) {
      const job = state.jobs.get(id);
      const body = state.bodies.get(id);
      assert.ok(job && body);
      const keys = state.attemptsOfJob.get(id) ?? [];
      const attempts = keys.flatMap((key) => state.attempts.get(key) ?? []).map(inShort);
      this.#kept.set(id, structuredClone({ job, body, attempts, shares: ['clips'] }));
    }
  }

  /** Lets ended jobs leave the hot store, as slices go. */
  leave(): void {
    this.keep();
    this.#farm.pass(this.#farm.settings.times.quarantinedJobsMs + 1);
    for (let slice = 0; slice < 3; slice += 1) this.#farm.pass(0);
  }

  past(n: number): PastJobInput {
    const past = this.#kept.get(jobId(n));
    assert.ok(past, `history does not have job ${n}`);
    return past;
  }

  /** What is known of it, or what the caller makes of that; nothing where history does not have it. */
  retry(n: number, requestId = '', past = this.#kept.get(jobId(n))): Reply {
    const replyId = `past-${++this.#replies}`;
    const order = { kind: 'retry' as const, jobId: jobId(n), reason: '', requestId };
    this.#farm.run({ ...order, replyId, bodyHash: JSON.stringify(order), ...(past && { past }) });
    return this.#farm.reply(replyId);
  }
}
