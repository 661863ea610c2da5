import type { IntakeFarm } from '../../controller/directory/intake.ts';
import { FarmError } from '../../controller/domain/errors.ts';
import type { JobSpec } from '../../controller/domain/job.ts';

type Reply = Awaited<ReturnType<IntakeFarm['submit']>>;

/** A farm that takes jobs in and remembers them, up to so many of each user. */
export class TakingFarm implements IntakeFarm {
  readonly taken = new Map<string, JobSpec>();
  /** Jobs in the order in which they came. */
  readonly order: string[] = [];
  /** Called before a job is taken; what it throws is what the farm says. */
  before: (spec: JobSpec) => void = () => undefined;
  jobsPerUserMax = Number.POSITIVE_INFINITY;
  jobsMax = Number.POSITIVE_INFINITY;

  known(jobId: string): Promise<Reply | undefined> {
    return Promise.resolve(this.taken.has(jobId) ? replyOf(jobId, true) : undefined);
  }

  submit({ spec, validateOnly }: Parameters<IntakeFarm['submit']>[0]): Promise<Reply> {
    if (!validateOnly) {
      this.before(spec);
      this.#admit(spec);
      this.taken.set(spec.jobId, spec);
      this.order.push(spec.jobId);
    }
    return Promise.resolve(replyOf(spec.jobId, false));
  }

  #admit({ userId }: JobSpec): void {
    const ofUser = [...this.taken.values()].filter((spec) => spec.userId === userId).length;
    if (this.taken.size >= this.jobsMax) throw new FarmError('TOO_MANY_JOBS', 'the farm is full');
    if (ofUser < this.jobsPerUserMax) return;
    throw new FarmError('TOO_MANY_JOBS', 'the user is full', { resource: { type: 'user', name: userId } });
  }
}

function replyOf(jobId: string, existed: boolean): Reply {
  return { jobId, queue: 'default_queue', routeRule: 'all others', existed };
}
