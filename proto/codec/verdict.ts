import type { Cancel, HeldVerdict, Verdict } from '../agent-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { DecodeError } from './decode-error.ts';
import { outcomes } from './enums.ts';
import { given, required } from './read.ts';
import { fromFence, fromRef, toRef } from './work.ts';

type WireDecision = NonNullable<agent.HeldVerdict['decision']>;
type VerdictOf<Name extends Verdict['verdict']> = Extract<Verdict, { verdict: Name }>;

/** The outcomes that the controller can give an attempt by stopping it. */
const stopOutcomes: Readonly<Record<Cancel['outcome'], true>> = {
  cancelled: true,
  superseded: true,
  evicted: true,
  lost: true,
  'timed-out': true,
};

export function toVerdict(held: HeldVerdict): CompleteWire<agent.HeldVerdict> {
  return { ref: toRef(held.ref), decision: toDecision(held.decision) };
}

export function fromVerdict(wire: agent.HeldVerdict, field: string): HeldVerdict {
  return compact<HeldVerdict>({
    ref: fromRef(wire.ref, `${field}.ref`),
    decision: fromDecision(required(wire.decision, `${field}.decision`), field),
  });
}

/** The outcome that a stop leads to. */
export function fromStopOutcome(wire: number, field: string): Cancel['outcome'] {
  const outcome = outcomes.fromWire(wire, field);
  if (isStopOutcome(outcome)) return outcome;
  const expected = `must be one of ${Object.keys(stopOutcomes).join(', ')}, not ${outcome}`;
  throw new DecodeError('UNKNOWN_VALUE', field, expected);
}

function isStopOutcome(outcome: string): outcome is Cancel['outcome'] {
  return Object.hasOwn(stopOutcomes, outcome);
}

function toDecision(decision: Verdict): WireDecision {
  switch (decision.verdict) {
    case 'keep':
      return { $case: 'keep', value: {} };
    case 'stop':
      return {
        $case: 'stop',
        value: { reason: decision.reason, outcome: outcomes.toWire(decision.outcome) },
      };
    case 'forget':
      return { $case: 'forget', value: {} };
    case 'publish':
      return { $case: 'publish', value: { finalName: decision.finalName } };
    case 'refused':
      return { $case: 'refused', value: { reason: decision.reason } };
    case 'adopt':
      return { $case: 'adopt', value: { fence: decision.fence } };
  }
}

function fromDecision(wire: WireDecision, field: string): Verdict {
  switch (wire.$case) {
    case 'keep':
      return { verdict: 'keep' };
    case 'stop':
      return compact<VerdictOf<'stop'>>({
        verdict: 'stop',
        reason: wire.value.reason,
        outcome: fromStopOutcome(wire.value.outcome, `${field}.stop.outcome`),
      });
    case 'forget':
      return { verdict: 'forget' };
    case 'publish':
      return compact<VerdictOf<'publish'>>({
        verdict: 'publish',
        finalName: given(wire.value.finalName, `${field}.publish.final_name`),
      });
    case 'refused':
      return compact<VerdictOf<'refused'>>({ verdict: 'refused', reason: wire.value.reason });
    case 'adopt':
      return { verdict: 'adopt', fence: fromFence(wire.value.fence, `${field}.adopt.fence`) };
  }
}
