import { randomUUID } from 'node:crypto';
import { RenderfarmError } from '../client/errors.ts';
import type { JobInput } from '../client/job-input.ts';
import { connect, type RenderfarmClient } from '../client/renderfarm-client.ts';
import { hasEnded } from '../client/views.ts';
import type { ChaosFarm } from './farm.ts';
import { clipPath } from './farm-layout.ts';
import type { Expectation } from './history-lines.ts';
import { pause } from './later.ts';
import type { Moments } from './moments.ts';
import type { Random } from './random.ts';
import type { Recorder } from './recorder.ts';

export interface JobStreamOptions {
  readonly farm: ChaosFarm;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly moments: Moments;
  /** Jobs that are open at a time. */
  readonly openMax: number;
}

export interface JobStream {
  /** Submits until the signal says so; what is not answered by then is tried on. */
  run(signal: AbortSignal): Promise<void>;
  /** Jobs whose submit is not answered, or which were acknowledged and of which no client has heard the end. */
  open(): number;
  /** Jobs that were acknowledged. */
  acknowledged(): number;
  /** Asks for every job once more, and notes what is said. */
  askAll(): Promise<void>;
  close(): void;
}

/** Small real jobs by the real client, each followed to its end by a watch; some are cancelled, some are broken. */
export function createJobStream(options: JobStreamOptions): JobStream {
  return new Stream(options);
}

class Stream implements JobStream {
  readonly #options: JobStreamOptions;
  readonly #client: RenderfarmClient;
  readonly #acknowledged = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #submitting = new Set<Promise<void>>();

  constructor(options: JobStreamOptions) {
    this.#options = options;
    this.#client = connect({
      addresses: options.farm.clientAddresses,
      callTimeoutMs: 20_000,
      tryTimeoutMs: 2_000,
      connectTimeoutMs: 2_000,
      backoffFirstMs: 200,
      backoffMaxMs: 1_000,
    });
  }

  open(): number {
    return this.#submitting.size + this.#acknowledged.size - this.#ended.size;
  }

  acknowledged(): number {
    return this.#acknowledged.size;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { random, openMax } = this.#options;
    while (!signal.aborted) {
      if (this.open() < openMax) {
        const submitting = this.#submitOne();
        this.#submitting.add(submitting);
        void submitting.then(() => this.#submitting.delete(submitting));
      }
      await pause(random.between(50, 400), signal);
    }
  }

  async askAll(): Promise<void> {
    const { recorder } = this.#options;
    for (const jobId of this.#acknowledged) {
      try {
        const { job } = await this.#client.get(jobId);
        recorder.told({ what: 'at-rest', jobId, state: job.state });
      } catch (error) {
        if (!(error instanceof RenderfarmError) || error.code !== 'JOB_NOT_FOUND') throw error;
        recorder.told({ what: 'at-rest', jobId, state: 'unknown' });
      }
    }
  }

  close(): void {
    this.#client.close();
  }

  async #submitOne(): Promise<void> {
    const { random, recorder, moments } = this.#options;
    const jobId = random.uuid();
    const expect: Expectation = random.chance(0.07) ? 'broken' : 'publishable';
    const cancelAfterMs = random.chance(0.1) ? random.between(0, 4_000) : undefined;
    const job = await this.#makeJob(jobId, expect);
    recorder.told({ what: 'submitting', jobId, expect });
    if (!(await this.#submit(jobId, job))) return;
    recorder.told({ what: 'acknowledged', jobId });
    this.#acknowledged.add(jobId);
    moments.saw({ name: 'submit-acknowledged', jobId });
    void this.#follow(jobId);
    if (cancelAfterMs !== undefined) void this.#cancelLater(jobId, cancelAfterMs);
  }

  async #makeJob(jobId: string, expect: Expectation): Promise<JobInput> {
    const { farm, random } = this.#options;
    const names = Array.from({ length: random.between(1, 3) }, (_, n) => `${jobId}-${n}.mp4`);
    for (const name of names) await farm.clips.make(name, random.between(3, 12));
    if (expect === 'broken') names.push(`${jobId}-missing.mp4`);
    const items = names.map((name, position) => ({
      position,
      itemType: 'video' as const,
      path: clipPath(name),
    }));
    return { jobId, userId: random.pick(['ann', 'ben', 'eve']), channelName: 'Chaos', items };
  }

  /** Until it is answered: a client that gave up would not know whether its job is stored. */
  async #submit(jobId: string, job: JobInput): Promise<boolean> {
    const requestId = randomUUID();
    for (;;) {
      try {
        await this.#client.submit(job, { requestId });
        return true;
      } catch (error) {
        const code = error instanceof RenderfarmError ? error.code : String(error);
        if (code === 'CLIENT_CLOSED') return false;
        if (error instanceof RenderfarmError && mayPass(error)) {
          await pause(200);
          continue;
        }
        this.#options.recorder.told({ what: 'refused', jobId, code });
        return false;
      }
    }
  }

  /** A watch that never reached a controller gives up after the time of a call: then it is opened again. */
  async #follow(jobId: string): Promise<void> {
    for (;;) {
      try {
        await this.#untilEnded(jobId);
        return;
      } catch (error) {
        if (error instanceof RenderfarmError && error.code === 'CLIENT_CLOSED') return;
        this.#options.recorder.fault({ fault: `watch of ${jobId}`, what: `broke off: ${String(error)}` });
        if (!(error instanceof RenderfarmError) || !mayPass(error)) return;
      }
    }
  }

  async #untilEnded(jobId: string): Promise<void> {
    for await (const { job } of this.#client.watch({ jobIds: [jobId] })) {
      if (!hasEnded(job.state)) continue;
      const message = job.errorMessage === undefined ? {} : { message: job.errorMessage };
      this.#options.recorder.told({ what: 'ended', jobId, state: job.state, ...message });
      this.#ended.add(jobId);
      return;
    }
  }

  async #cancelLater(jobId: string, ms: number): Promise<void> {
    const { recorder } = this.#options;
    await pause(ms);
    try {
      await this.#client.cancel(jobId, { reason: 'chaos' });
      recorder.told({ what: 'cancel-acknowledged', jobId });
    } catch (error) {
      const code = error instanceof RenderfarmError ? error.code : String(error);
      recorder.told({ what: 'cancel-refused', jobId, code });
    }
  }
}

function mayPass({ code, status }: RenderfarmError): boolean {
  if (code === 'CONTROLLER_UNREACHABLE' || code === 'STORAGE_UNAVAILABLE') return true;
  return status === 'UNAVAILABLE' || status === 'RESOURCE_EXHAUSTED' || status === 'DEADLINE_EXCEEDED';
}
