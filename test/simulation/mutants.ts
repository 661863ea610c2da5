import type { Effect as AgentEffect } from '../../agent/core/effects.ts';
import { step } from '../../agent/core/step.ts';
import type { AttemptRecord } from '../../controller/domain/attempt.ts';
import type { FarmState } from '../../controller/engine/turn/state.ts';
import { attemptKey } from '../../controller/engine/turn/state.ts';
import { type Turned, turn } from '../../controller/engine/turn/turn.ts';
import { type Ordering, type Parts, realParts } from './parts.ts';

/** A deliberate bug, and the properties that it breaks: any of them may be the first to show it. */
export interface Mutant {
  readonly name: string;
  readonly parts: Parts;
  readonly breaks: readonly string[];
}

const leaveAtOnce: Ordering = (write, leave) => {
  leave();
  write(() => undefined);
};

/** Deliberate bugs, each a wrapped function of the real code. */
export const mutants: readonly Mutant[] = [
  {
    name: 'effects leave the controller before the commit',
    parts: { ...realParts, afterCommit: leaveAtOnce },
    breaks: ['acknowledged job lost', 'acknowledged cancel lost', 'published without the grant'],
  },
  {
    name: 'effects leave the agent before its journal is durable',
    parts: { ...realParts, afterFsync: leaveAtOnce },
    breaks: ['what was sent is durable', 'event numbers are used once', 'one outcome', 'a job never ends'],
  },
  {
    name: 'an agent publishes as soon as its file is staged',
    parts: { ...realParts, step: publishingUnasked },
    breaks: ['published without the grant'],
  },
  {
    name: 'a cancelled job frees its slot by itself',
    parts: { ...realParts, turn: freeingByJob },
    breaks: ['slots exceeded'],
  },
  {
    name: 'a grant that was lost on its way is not given again',
    parts: { ...realParts, turn: forgettingGrants },
    breaks: ['a job never ends'],
  },
  {
    name: 'an attempt goes on under a lease that has ended',
    parts: { ...realParts, turn: grantingToAnybody },
    breaks: ['published without the grant', 'published twice'],
  },
];

/** A bug that is none: it must not be caught. */
export const harmless: Parts = {
  ...realParts,
  turn: (...args) => turn(...args),
  step: (...args) => step(...args),
};

function publishingUnasked(...[state, input, nowMs]: Parameters<typeof step>): ReturnType<typeof step> {
  const result = step(state, input, nowMs);
  if (input.type !== 'attempt' || input.report.type !== 'staged') return result;
  const assign = [...result.state.journal.attempts.values()].find(
    (kept) =>
      kept.assign.ref.fence.counter === input.ref.fence.counter && kept.assign.ref.jobId === input.ref.jobId,
  )?.assign;
  if (assign === undefined) return result;
  const publish: AgentEffect = {
    type: 'publish',
    ref: input.ref,
    output: assign.output,
    manifest: input.report.manifest,
  };
  return { ...result, effects: [...result.effects, publish] };
}

function freeingByJob(...[state, settings, inputs, moment]: Parameters<typeof turn>): Turned {
  const turned = turn(state, settings, inputs, moment);
  const ended: AttemptRecord[] = [];
  for (const attempt of state.attempts.values()) {
    if (attempt.stop?.outcome !== 'cancelled' || attempt.state === 'ended') continue;
    ended.push({ ...attempt, state: 'ended', outcome: 'cancelled', endedAtMs: moment.nowMs });
  }
  for (const attempt of ended) free(state, attempt);
  const upserts = ended.map((body) => ({ kind: 'attempt', id: attemptKey(body), version: 1, body }));
  return { ...turned, upserts: [...turned.upserts, ...upserts] };
}

function free(state: FarmState, attempt: AttemptRecord): void {
  const key = attemptKey(attempt);
  state.attempts.set(key, attempt);
  state.liveAttempts.get(attempt.agentId)?.delete(key);
  state.planStale = true;
}

function forgettingGrants(...args: Parameters<typeof turn>): Turned {
  const turned = turn(...args);
  const effects = turned.effects.map((effect) => {
    if (effect.kind !== 'send' || effect.message.kind !== 'welcome') return effect;
    const verdicts = effect.message.verdicts.map((one) =>
      one.decision.verdict === 'publish' ? { ...one, decision: { verdict: 'keep' as const } } : one,
    );
    return { ...effect, message: { ...effect.message, verdicts } };
  });
  return { ...turned, effects };
}

function grantingToAnybody(...args: Parameters<typeof turn>): Turned {
  const turned = turn(...args);
  const [state] = args;
  const effects = turned.effects.map((effect) => {
    if (effect.kind !== 'send' || effect.message.kind !== 'welcome') return effect;
    const verdicts = effect.message.verdicts.map((one) => {
      const job = state.jobs.get(one.ref.jobId);
      if (one.decision.verdict !== 'refused' || job === undefined) return one;
      return {
        ...one,
        decision: { verdict: 'publish' as const, finalName: `${job.channelName}_${job.jobId}.mp4` },
      };
    });
    return { ...effect, message: { ...effect.message, verdicts } };
  });
  return { ...turned, effects };
}
