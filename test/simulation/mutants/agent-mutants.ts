import type { Effect } from '../../../agent/core/effects.ts';
import type { Input } from '../../../agent/core/inputs.ts';
import { keyOf } from '../../../agent/core/journal-fold.ts';
import type { CoreState } from '../../../agent/core/state.ts';
import type { StepResult } from '../../../agent/core/step.ts';
import type { Hello } from '../../../proto/agent-link.ts';
import { type Parts, realParts } from '../parts.ts';
import type { Mutant } from './mutant.ts';

/** Bugs of an agent's core. */
export const agentMutants: readonly Mutant[] = [
  {
    name: 'no fence at publish: an agent publishes as soon as its file is staged',
    shownBy: 3,
    parts: { ...realParts, step: publishingUnasked },
    breaks: ['published without the grant', 'two may publish'],
  },
  {
    name: 'hello omits finished work',
    parts: withHello((hello) => ({ ...hello, held: hello.held.filter(({ state }) => isAtWork(state)) })),
    breaks: [
      'a job never ends',
      'one outcome',
      'share and store differ',
      'published twice',
      'two may publish',
    ],
  },
  {
    name: 'a deaf agent: behind its second stream it hears no assignment',
    shownBy: 2,
    parts: { ...realParts, step: deaf },
    breaks: ['connected but deaf', 'a job never ends'],
  },
  {
    name: 'no tombstones: a fence that has ended is begun again',
    parts: { ...realParts, step: withoutTombstones },
    breaks: [
      'published twice',
      'one outcome',
      'slots exceeded',
      'progress went back',
      'lost only when silent',
    ],
  },
  {
    name: 'a journal without identity: a new disk counts from the start under the old name',
    parts: { ...realParts, recover: namelessJournal },
    breaks: ['event numbers are used once', 'what was sent is durable'],
  },
];

function isAtWork(state: string): boolean {
  return state === 'preparing' || state === 'running' || state === 'finishing';
}

function publishingUnasked(state: CoreState, input: Input, nowMs: number): StepResult {
  const result = realParts.step(state, input, nowMs);
  if (input.type !== 'attempt' || input.report.type !== 'staged') return result;
  const assign = result.state.journal.attempts.get(keyOf(input.ref))?.assign;
  if (assign === undefined) return result;
  const { manifest } = input.report;
  const publish: Effect = { type: 'publish', ref: input.ref, output: assign.output, manifest };
  return { ...result, effects: [...result.effects, publish] };
}

function withHello(change: (hello: Hello) => Hello): Parts {
  const changed = (result: StepResult): StepResult => ({
    ...result,
    effects: result.effects.map((effect) =>
      effect.type === 'send' && effect.message.kind === 'hello'
        ? { ...effect, message: change(effect.message) }
        : effect,
    ),
  });
  return { ...realParts, step: (...args) => changed(realParts.step(...args)) };
}

function deaf(state: CoreState, input: Input, nowMs: number): StepResult {
  if (input.type === 'received' && input.linkId > 1 && input.message.kind === 'assign')
    return { state, records: [], effects: [] };
  return realParts.step(state, input, nowMs);
}

function withoutTombstones(state: CoreState, input: Input, nowMs: number): StepResult {
  return realParts.step({ ...state, journal: { ...state.journal, tombstones: new Map() } }, input, nowMs);
}

function namelessJournal(...[settings, inventory, journal, nowMs]: Parameters<Parts['recover']>): StepResult {
  const journalId = `${settings.agentId}-journal`;
  return realParts.recover(settings, inventory, { ...journal, journalId }, nowMs);
}
