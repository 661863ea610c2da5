import type { AttemptRecord } from '../../../controller/domain/attempt.ts';
import type { JobRecord } from '../../../controller/domain/job.ts';
import type { Effect, Input } from '../../../controller/engine/turn/inputs.ts';
import { attemptKey, type FarmState } from '../../../controller/engine/turn/state.ts';
import type { Turned } from '../../../controller/engine/turn/turn.ts';
import type { StoredRecord } from '../../../controller/store/port.ts';
import type { ControllerMessage, Fence, Verdict } from '../../../proto/agent-link.ts';
import { fenceText } from '../../../proto/agent-link.ts';
import { type Parts, realParts } from '../parts.ts';
import type { Mutant } from './mutant.ts';

type Turn = Parts['turn'];

/** Bugs of the controller's turn. */
export const controllerMutants: readonly Mutant[] = [
  {
    name: 'no fence at progress: an attempt that has ended still moves its job',
    shownBy: 18,
    parts: { ...realParts, turn: unfencedProgress },
    breaks: ['progress went back', 'everything has a limit'],
  },
  {
    name: 'a slot is freed by job',
    shownBy: 3,
    parts: { ...realParts, turn: freeingByJob },
    breaks: ['slots exceeded'],
  },
  {
    name: 'a grant is not sent again',
    parts: { ...realParts, turn: grantingOnce },
    breaks: ['a job never ends'],
  },
  {
    name: 'an attempt goes on under a lease that has ended',
    shownBy: 11,
    parts: { ...realParts, turn: grantingToAnybody },
    breaks: [
      'a job never ends',
      'published without the grant',
      'published twice',
      'two may publish',
      'sent before it was durable',
    ],
  },
  {
    name: 'no recovery window',
    parts: { ...realParts, beginRecovery: withoutWindow },
    breaks: ['a restart ends no lease'],
  },
  {
    name: 'silence is judged before input',
    shownBy: 33,
    parts: { ...realParts, turn: judgingFirst },
    breaks: ['lost only when silent', 'a restart ends no lease'],
  },
  {
    name: 'an announcement is treated as a lease',
    shownBy: 11,
    parts: { ...realParts, turn: waitingForTheAnnounced },
    breaks: ['connected but deaf', 'a job never ends'],
  },
  {
    name: 'adoption without a new fence',
    parts: { ...realParts, turn: adoptingAsBefore },
    breaks: ['a job never ends'],
  },
  {
    name: 'a restart stops what runs',
    parts: { ...realParts, turn: stoppingAtReturn },
    breaks: ['a restart stops nothing'],
  },
  {
    name: 'losing an agent costs a retry',
    parts: { ...realParts, turn: chargingLosses },
    breaks: ['a loss costs no retry'],
  },
  {
    name: "a helper's right outlives its fence",
    parts: { ...realParts, turn: forgettingRights },
    breaks: ['a right ends with its fence'],
  },
  {
    name: 'losses are not counted',
    shownBy: 7,
    parts: { ...realParts, turn: forgivingLosses },
    breaks: ['a poison job does not eat the farm', 'a job never ends'],
  },
];

/** The attempt is over, and whoever renders items of it is not told. */
function forgettingRights(...[state, settings, inputs, moment]: Parameters<Turn>): Turned {
  const turned = realParts.turn(state, settings, inputs, moment);
  const isAlive = (jobId: string, fence: Fence): boolean => {
    const now = state.jobs.get(jobId)?.fence;
    return now !== undefined && fenceText(now) === fenceText(fence);
  };
  const effects = turned.effects.filter(
    (effect) =>
      effect.kind !== 'send' ||
      effect.message.kind !== 'cancel-item' ||
      isAlive(effect.message.item.ref.jobId, effect.message.item.ref.fence),
  );
  return { ...turned, effects };
}

function unfencedProgress(...[state, settings, inputs, moment]: Parameters<Turn>): Turned {
  const turned = realParts.turn(state, settings, inputs, moment);
  for (const input of inputs) {
    if (input.kind !== 'message' || input.message.kind !== 'progress') continue;
    const { ref, percent } = input.message;
    const fence = state.jobs.get(ref.jobId)?.fence;
    if (fence === undefined) continue;
    const key = attemptKey({ jobId: ref.jobId, fence });
    const runtime = state.runtimes.get(key);
    if (runtime !== undefined) state.runtimes.set(key, { ...runtime, percent });
  }
  return turned;
}

function freeingByJob(...[state, settings, inputs, moment]: Parameters<Turn>): Turned {
  const turned = realParts.turn(state, settings, inputs, moment);
  const ended: AttemptRecord[] = [];
  for (const attempt of state.attempts.values()) {
    if (attempt.stop?.outcome !== 'cancelled' || attempt.state === 'ended') continue;
    ended.push({ ...attempt, state: 'ended', outcome: 'cancelled', endedAtMs: moment.nowMs });
  }
  for (const attempt of ended) {
    const key = attemptKey(attempt);
    state.attempts.set(key, attempt);
    state.liveAttempts.get(attempt.agentId)?.delete(key);
    state.runtimes.delete(key);
    state.planStale = true;
  }
  const records = ended.map((body) => ({ kind: 'attempt', id: attemptKey(body), version: 1, body }));
  return { ...turned, upserts: [...turned.upserts, ...records] };
}

/** Grants that this memory has sent. */
const sentGrants = new WeakMap<FarmState, Set<string>>();

function grantingOnce(...args: Parameters<Turn>): Turned {
  const [state] = args;
  const sent = sentGrants.get(state) ?? new Set();
  sentGrants.set(state, sent);
  const turned = changeVerdicts(realParts.turn(...args), (decision) =>
    decision.verdict === 'publish' ? { verdict: 'keep' } : decision,
  );
  const isNew = (effect: Effect): boolean => {
    if (effect.kind !== 'send' || effect.message.kind !== 'publish-grant') return true;
    const { jobId, fence } = effect.message.ref;
    const key = `${jobId}/${fenceText(fence)}`;
    return !sent.has(key) && sent.add(key).size > 0;
  };
  return { ...turned, effects: turned.effects.filter(isNew) };
}

function grantingToAnybody(...args: Parameters<Turn>): Turned {
  const [state] = args;
  const nameOf = (jobId: string) => `${state.jobs.get(jobId)?.channelName ?? ''}_${jobId}.mp4`;
  const turned = changeVerdicts(realParts.turn(...args), (decision, jobId) =>
    decision.verdict === 'refused' ? { verdict: 'publish', finalName: nameOf(jobId) } : decision,
  );
  const effects = turned.effects.map((effect): Effect => {
    if (effect.kind !== 'send' || effect.message.kind !== 'publish-refused') return effect;
    const { ref } = effect.message;
    return { ...effect, message: { kind: 'publish-grant', ref, finalName: nameOf(ref.jobId) } };
  });
  return { ...turned, effects };
}

function withoutWindow(...args: Parameters<Parts['beginRecovery']>): Turned {
  const turned = realParts.beginRecovery(...args);
  const [state] = args;
  state.recoveryUntilMs = undefined;
  for (const presence of state.presences.values()) presence.lastHeardAtMs = Number.NEGATIVE_INFINITY;
  return turned;
}

function judgingFirst(...[state, settings, inputs, moment]: Parameters<Turn>): Turned {
  const ticks = inputs.filter(({ kind }) => kind === 'tick');
  if (ticks.length === 0) return realParts.turn(state, settings, inputs, moment);
  const first = realParts.turn(state, settings, ticks, moment);
  const rest = inputs.filter(({ kind }) => kind !== 'tick');
  return joined(first, realParts.turn(state, settings, rest, moment));
}

function waitingForTheAnnounced(...args: Parameters<Turn>): Turned {
  const [state] = args;
  const reason = 'it was announced elsewhere';
  const refusal = { untilMs: Number.MAX_SAFE_INTEGER, reason, forMs: 0, momentary: false };
  for (const { jobId, agentId } of state.announcements.values()) {
    const refusals = state.refusals.get(jobId) ?? new Map<string, typeof refusal>();
    for (const other of state.presences.keys()) if (other !== agentId) refusals.set(other, refusal);
    state.refusals.set(jobId, refusals);
  }
  return realParts.turn(...args);
}

function adoptingAsBefore(...args: Parameters<Turn>): Turned {
  return changeVerdicts(realParts.turn(...args), (decision) =>
    decision.verdict === 'adopt' ? { verdict: 'keep' } : decision,
  );
}

function stoppingAtReturn(...args: Parameters<Turn>): Turned {
  const [, , inputs] = args;
  const isBack = inputs.some((input: Input) => input.kind === 'attach');
  return changeVerdicts(realParts.turn(...args), (decision) =>
    isBack && decision.verdict === 'keep'
      ? { verdict: 'stop', outcome: 'superseded', reason: 'a new stream, a new beginning' }
      : decision,
  );
}

function chargingLosses(...args: Parameters<Turn>): Turned {
  return changeJobs(args, (job, before) =>
    job.losses > (before?.losses ?? 0) ? { ...job, charged: job.charged + 1 } : job,
  );
}

function forgivingLosses(...args: Parameters<Turn>): Turned {
  return changeJobs(args, (job) => (job.losses > 0 ? { ...job, losses: 0 } : job));
}

function changeJobs(
  args: Parameters<Turn>,
  change: (job: JobRecord, before: JobRecord | undefined) => JobRecord,
): Turned {
  const [state] = args;
  const before = new Map(state.jobs);
  const turned = realParts.turn(...args);
  const changed = (record: StoredRecord): StoredRecord => {
    if (record.kind !== 'job') return record;
    const body = change(record.body as JobRecord, before.get(record.id));
    state.jobs.set(record.id, body);
    return { ...record, body };
  };
  return { ...turned, upserts: turned.upserts.map(changed) };
}

function changeVerdicts(turned: Turned, change: (decision: Verdict, jobId: string) => Verdict): Turned {
  const changed = (message: ControllerMessage): ControllerMessage =>
    message.kind !== 'welcome'
      ? message
      : {
          ...message,
          verdicts: message.verdicts.map(({ ref, decision }) => ({
            ref,
            decision: change(decision, ref.jobId),
          })),
        };
  const effects = turned.effects.map((effect) =>
    effect.kind === 'send' ? { ...effect, message: changed(effect.message) } : effect,
  );
  return { ...turned, effects };
}

function joined(first: Turned, second: Turned): Turned {
  return {
    upserts: [...first.upserts, ...second.upserts],
    deletes: [...first.deletes, ...second.deletes],
    effects: [...first.effects, ...second.effects],
  };
}
