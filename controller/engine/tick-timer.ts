import type { Clock } from './ports.ts';

export interface TickTimerOptions {
  readonly clock: Clock;
  /** The longest pause between two ticks. */
  readonly tickMs: number;
  /** When time alone will cause something; costs as much as there are agents. */
  readonly deadlineMs: () => number;
  /** Work is left over that must not wait for a deadline. */
  readonly isUrgent: () => boolean;
  /** Told how late it is. */
  readonly onTick: (lateMs: number) => void;
}

/** A deadline that a turn has made is found this late at most. */
const lookMs = 50;

/** Ticks when time alone causes something. Deadlines are looked for after a turn, but not at every one of many turns. */
export class TickTimer {
  readonly #options: TickTimerOptions;
  #cancelTick: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  #tickedAtMs: number;
  #dueMs = 0;
  #nextLookMs = 0;

  constructor(options: TickTimerOptions) {
    this.#options = options;
    this.#tickedAtMs = options.clock.nowMs();
  }

  /** After a turn. */
  plan(): void {
    const { clock, tickMs, deadlineMs, isUrgent, onTick } = this.#options;
    const nowMs = clock.nowMs();
    // A tick that is overdue fires next, and says how late it is: a stall of our loop must not be planned away.
    if (this.#cancelTick !== undefined && nowMs > this.#dueMs) return;
    if (nowMs < this.#nextLookMs && !isUrgent()) {
      this.#cancelLook ??= clock.after(this.#nextLookMs - nowMs, () => {
        this.#cancelLook = undefined;
        this.plan();
      });
      return;
    }
    this.#nextLookMs = nowMs + lookMs;
    this.#cancelTick?.();
    // Counted from the last tick, not from now: turns that follow each other closely would put it off for ever.
    const usualMs = this.#tickedAtMs + tickMs;
    this.#dueMs = isUrgent() ? nowMs : Math.max(nowMs, Math.min(usualMs, deadlineMs()));
    this.#cancelTick = clock.after(this.#dueMs - nowMs, () => {
      this.#cancelTick = undefined;
      this.#tickedAtMs = clock.nowMs();
      onTick(this.#tickedAtMs - this.#dueMs);
    });
  }

  stop(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }
}
