import type { JobRecord } from '../controller/domain/job.ts';
import { type AttemptEnd, afterAttempt, type RetryPolicy } from '../controller/domain/retry.ts';
import type { Outcome } from '../proto/agent-link.ts';
import { table } from './markdown.ts';

/** What each outcome means; does not compile when the code knows one more. */
const meanings: Readonly<Record<Outcome, string>> = {
  published: 'the file has its final name',
  failed: 'it could not be done; the class says whose fault it was',
  'timed-out': 'it made no progress, or ran longer than its queue allows',
  lost: 'its agent fell silent, or came back as a new process without it',
  cancelled: 'a person wished it',
  superseded: 'another attempt of the job went on instead',
  evicted: 'a person took the work away from the agent',
  returned: 'the agent gave it back: it shuts down, or was never told',
  declined: 'the agent did not take it, or did not answer',
};

interface Case {
  readonly outcome: Outcome;
  readonly failureClass?: NonNullable<AttemptEnd['failureClass']>;
  readonly meaning: string;
}

const failures: readonly Case[] = [
  { outcome: 'failed', failureClass: 'input', meaning: 'its files cannot be used, each of them named' },
  { outcome: 'failed', failureClass: 'job', meaning: meanings.failed },
  { outcome: 'failed', failureClass: 'environment', meaning: 'disk full, share away, encoder lost' },
];

/** Small limits: what happens before one and at one is all that is asked. */
const policy: RetryPolicy = {
  chargedMax: 2,
  lossesMax: 2,
  environmentMax: 2,
  environmentWindowMs: 1,
  backoffMinMs: 1,
  backoffMaxMs: 1,
};

/** The table of outcomes, by asking the retry policy itself. */
export function outcomeTable(): string {
  const cases = Object.entries(meanings).flatMap(([outcome, meaning]): readonly Case[] =>
    outcome === 'failed' ? failures : [{ outcome: outcome as Outcome, meaning }],
  );
  return table(
    ['Outcome', 'Class', 'Meaning', 'The job then is'],
    cases.map((each) => [
      `\`${each.outcome}\``,
      each.failureClass === undefined ? '' : `\`${each.failureClass}\``,
      each.meaning,
      fateOf(each),
    ]),
  );
}

function fateOf({ outcome, failureClass }: Case): string {
  if (outcome === 'published') return '`published`';
  const end = {
    outcome,
    message: '',
    problems: [],
    lossCounts: true,
    fitsElsewhere: true,
    ...(failureClass && { failureClass }),
  };
  const first = afterAttempt(jobWith(0), end, 0, 0, policy).to;
  const last = afterAttempt(jobWith(1), end, 0, 0, policy).to;
  return first === last ? `\`${first}\`` : `\`${first}\`; at its limit \`${last}\``;
}

/** A job that had so many failures of each kind. */
function jobWith(count: number): JobRecord {
  return {
    jobId: '',
    userId: '',
    username: '',
    channelName: '',
    enable4k: false,
    priority: 'normal',
    rateProfile: 'studio',
    queue: '',
    routeRule: '',
    itemCount: 0,
    videoCount: 0,
    estimateMs: 0,
    shares: [],
    submittedAtMs: 0,
    sequence: 0,
    state: 'running',
    attemptCount: count,
    charged: count,
    losses: count,
    environmentFailures: Array.from({ length: count }, () => ({ atMs: 0, cause: '' })),
    features: [],
    problems: [],
    timeline: [],
  };
}
