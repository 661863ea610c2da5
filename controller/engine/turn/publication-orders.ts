import { annul } from './executors.ts';
import type { JobOrderInput, ShareOrderInput } from './inputs.ts';
import { unknownJob } from './job-verbs.ts';
import type { Ledger } from './ledger.ts';
import { once, type Refused } from './requests.ts';

/** An operator takes a grant back (protocol.md rule 8d); what an executor finds on the share decides, later. */
export function takeAnnulOrder(ledger: Ledger, input: JobOrderInput): void {
  once(ledger, input, { verb: 'annul', subject: input.jobId }, () => annulGrant(ledger, input));
}

/**
 * The share of this name is another one for good. Its new identity is what attached agents see there; where none sees
 * another one, the first that is seen counts.
 */
export function takeShareOrder(ledger: Ledger, input: ShareOrderInput): void {
  once(ledger, input, { verb: 'share-replaced', subject: input.share }, () => replaceShare(ledger, input));
}

function annulGrant(ledger: Ledger, { jobId, reason }: JobOrderInput): Refused | undefined {
  const job = ledger.state.jobs.get(jobId);
  if (job === undefined) return unknownJob(ledger, jobId);
  const attempt = job.grant && ledger.attempt({ jobId, fence: job.grant.fence });
  if (job.state !== 'publishing' || attempt === undefined) {
    return {
      kind: 'refused',
      code: 'JOB_NOT_PUBLISHING',
      message: `job ${jobId} is ${job.state}: only a publication that is granted can be taken back`,
      resource: { type: 'job', name: jobId },
    };
  }
  annul(ledger, attempt, reason === '' ? 'an operator wishes it' : `an operator wishes it: ${reason}`);
  return undefined;
}

function replaceShare(ledger: Ledger, { share, reason }: ShareOrderInput): Refused | undefined {
  if (!ledger.settings.shares.some(({ name }) => name === share)) {
    const names = ledger.settings.shares.map(({ name }) => name).join(', ');
    return {
      kind: 'refused',
      code: 'UNKNOWN_SHARE',
      message: `share ${share} is not configured (${names})`,
      resource: { type: 'share', name: share },
    };
  }
  const before = ledger.state.shares.get(share)?.id;
  const id = otherIdSeen(ledger, share, before);
  if (id === undefined) ledger.dropShare(share);
  else ledger.putShare({ share, id, sinceMs: ledger.nowMs });
  ledger.state.planStale = true;
  ledger.log('warn', 'share-replaced', { share, before: before ?? '', now: id ?? '', reason });
  return undefined;
}

function otherIdSeen(ledger: Ledger, share: string, before: string | undefined): string | undefined {
  for (const { session, inventory } of ledger.state.presences.values()) {
    if (session === undefined) continue;
    const seen = inventory?.shareIds.find((entry) => entry.share === share)?.id;
    if (seen !== undefined && seen !== before) return seen;
  }
  return undefined;
}
