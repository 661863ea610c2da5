import type { HeldAttempt, Hello, Verdict } from '../../../proto/agent-link.ts';
import { compareFences } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import { adopt } from './adopting.ts';
import { advance } from './events.ts';
import { ownerBack, ownerLost } from './executors.ts';
import type { Ledger } from './ledger.ts';
import { holdsLease } from './outcomes.ts';
import { takeReady } from './publishing.ts';
import { lateVerdict, verdictForUnknown } from './recalling.ts';

/** What becomes of one attempt that an agent says it holds. */
export interface Judged {
  readonly held: HeldAttempt;
  readonly decision: Verdict;
  /** The agent is asked to tell about it: only it knows. */
  readonly asked: boolean;
}

/** The controller's word on what an agent holds; what was lost and goes on is adopted by it. */
export function judge(ledger: Ledger, hello: Hello, held: HeldAttempt): Judged {
  const decision = verdictFor(ledger, hello, held);
  if (decision === 'recall') return { held, decision: { verdict: 'keep' }, asked: true };
  return { held, decision, asked: false };
}

/**
 * Behind the Welcome: events that were acknowledged by a store that has lost them, or that an attempt reported before
 * it was adopted. What the agent holds says how far it is.
 */
export function catchUp(ledger: Ledger, hello: Hello, held: HeldAttempt): void {
  const attempt = ledger.attempt(held.ref);
  if (attempt?.agentId !== hello.agentId || attempt.state === 'ended' || attempt.stop !== undefined) return;
  switch (held.state) {
    case 'preparing':
    case 'running':
    case 'finishing':
      advance(ledger, attempt, held.state, 'so its agent says on its return');
      return;
    case 'ready':
    case 'publishing':
      if (held.manifest !== undefined && !isTold(attempt, held)) takeReady(ledger, attempt, held.manifest);
      return;
    case 'finished':
      return;
  }
}

function verdictFor(ledger: Ledger, hello: Hello, held: HeldAttempt): Verdict | 'recall' {
  if (hello.farmId !== undefined && hello.farmId !== ledger.state.farmId) return { verdict: 'forget' };
  const attempt = ledger.attempt(held.ref);
  if (attempt === undefined) return verdictForUnknown(ledger, hello, held);
  if (attempt.agentId !== hello.agentId) return lateVerdict(held, 'it was given to another agent');
  if (attempt.state === 'ended') {
    const heir = adopt(ledger, attempt, held);
    if (heir !== undefined) return { verdict: 'adopt', fence: heir.fence };
    return lateVerdict(held, `its lease has ended (${attempt.outcome ?? 'no outcome'})`);
  }
  if (attempt.state === 'publishing') {
    // What it has given up it does not go on with, though it has not heard yet that we know.
    if (attempt.finished === undefined) ownerBack(ledger, attempt);
    else ownerLost(ledger, attempt);
  }
  return verdictForLive(ledger, attempt, held);
}

function verdictForLive(ledger: Ledger, attempt: AttemptRecord, held: HeldAttempt): Verdict {
  if (held.state === 'finished') return { verdict: 'keep' };
  if (attempt.stop !== undefined) {
    const { reason, outcome } = attempt.stop;
    return { verdict: 'stop', reason, outcome };
  }
  // It was adopted, and its agent has not heard of it.
  if (compareFences(attempt.fence, held.ref.fence) !== 0) return { verdict: 'adopt', fence: attempt.fence };
  const job = ledger.state.jobs.get(attempt.jobId);
  const granted = attempt.state === 'publishing' && job !== undefined && holdsLease(job, attempt);
  if (granted && job.grant?.annulment === undefined)
    return { verdict: 'publish', finalName: attempt.output.finalName };
  return { verdict: 'keep' };
}

/** The verdict has said it already. */
function isTold(attempt: AttemptRecord, held: HeldAttempt): boolean {
  return attempt.state === 'publishing' && compareFences(attempt.fence, held.ref.fence) === 0;
}
