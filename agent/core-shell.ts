import type { Effect } from './core/effects.ts';
import { waitsForNoRecord } from './core/effects.ts';
import type { Input } from './core/inputs.ts';
import { mayBeLost } from './core/journal-records.ts';
import type { CoreState } from './core/state.ts';
import type { StepResult } from './core/step.ts';
import { step } from './core/step.ts';
import type { Outbox } from './outbox/outbox.ts';

/** What drives the pure core: inputs in, records to the journal, effects out behind them. */
export interface CoreShell {
  input(input: Input): void;
  readonly state: () => CoreState;
}

export interface CoreShellOptions {
  readonly first: StepResult;
  readonly outbox: Pick<Outbox, 'append'>;
  /** Must not throw; what it starts reports back as inputs. */
  readonly perform: (effect: Effect) => void;
  /** Told of every input before the core is. @default nobody listens */
  readonly heard?: (input: Input) => void;
  /** Never goes back. */
  readonly nowMs: () => number;
  readonly onTrouble: (message: string, error: unknown) => void;
}

/**
 * Runs the core. The order of things: a step's records are durable before its effects leave, and effects leave in the
 * order of their steps. What no record stands behind (heartbeats, progress, declines) waits for nothing. What waits for a
 * disk that stands still is dropped when its link ends, so that it cannot pile up.
 */
export function startCoreShell(options: CoreShellOptions): CoreShell {
  const { outbox, perform, nowMs, onTrouble } = options;
  let { state } = options.first;
  const waiting: { readonly effects: readonly Effect[]; isDurable: boolean }[] = [];
  const forget = (linkId: number): void => {
    for (const entry of waiting.splice(0)) {
      const effects = entry.effects.filter((effect) => !isFor(effect, linkId));
      // The same object: whoever writes its records says so on it.
      if (effects.length > 0 || !entry.isDurable) waiting.push(Object.assign(entry, { effects }));
    }
  };

  const release = (): void => {
    for (let [next] = waiting; next?.isDurable === true; [next] = waiting) {
      waiting.shift();
      for (const effect of next.effects) perform(effect);
    }
  };
  const take = ({ records, effects }: StepResult): void => {
    for (const effect of effects.filter(waitsForNoRecord)) perform(effect);
    const later = effects.filter((effect) => !waitsForNoRecord(effect));
    const entry = { effects: later, isDurable: records.every(mayBeLost) };
    if (later.length > 0 || !entry.isDurable) waiting.push(entry);
    if (records.length > 0) {
      outbox.append(records).then(
        () => {
          entry.isDurable = true;
          release();
        },
        (error: unknown) =>
          onTrouble('records were not written; what depends on them does not happen', error),
      );
    }
    release();
  };

  take(options.first);
  return {
    state: () => state,
    input(input) {
      options.heard?.(input);
      if (input.type === 'link-closed') forget(input.linkId);
      const result = step(state, input, nowMs());
      state = result.state;
      take(result);
    },
  };
}

function isFor(effect: Effect, linkId: number): boolean {
  return effect.type === 'send' && effect.linkId === linkId;
}
