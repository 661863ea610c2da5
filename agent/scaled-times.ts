import type { CoreSettings } from './core/state.ts';
import { defaultCoreFigures } from './core/state.ts';
import type { LinkOptions } from './link/controller-link.ts';

/** Every time limit that is the agent's own: all others come from the controller, in Welcome and Assign. */
export interface AgentTimes {
  readonly figures: Pick<
    CoreSettings,
    'welcomeMs' | 'publishRetryMinMs' | 'publishRetryMaxMs' | 'shutdownMs' | 'goodbyeAckMs' | 'slotProbeMs'
  >;
  readonly link: Required<Pick<LinkOptions, 'connectMs' | 'backoffFirstMaxMs' | 'backoffMaxMs'>>;
  /** How often the shares are looked at again. */
  readonly sharesEveryMs: number;
  /** A process that did not run for so long opens its stream anew: two heartbeats. */
  readonly awayMs: number;
  /** No byte and no answer of an operation on a share for this long. */
  readonly shareSilenceMs: number;
  /** A look at one file for a job that is only verified. */
  readonly fileLookMs: number;
}

/** A process that starts, or a machine that renders in every core, needs this long for an answer. */
const answerMsMin = 2_000;

/** The agent's times, all multiplied by `factor` (tests: 0.1), so that agent and controller keep their proportions. */
export function scaledTimes(factor: number): AgentTimes {
  const scaled = (ms: number, min = 1): number => Math.max(Math.round(ms * factor), Math.min(min, ms));
  return {
    figures: {
      welcomeMs: scaled(defaultCoreFigures.welcomeMs, answerMsMin),
      publishRetryMinMs: scaled(defaultCoreFigures.publishRetryMinMs),
      publishRetryMaxMs: scaled(defaultCoreFigures.publishRetryMaxMs),
      shutdownMs: scaled(defaultCoreFigures.shutdownMs, answerMsMin),
      goodbyeAckMs: scaled(defaultCoreFigures.goodbyeAckMs),
      slotProbeMs: scaled(defaultCoreFigures.slotProbeMs),
    },
    link: {
      connectMs: scaled(5_000, answerMsMin),
      backoffFirstMaxMs: scaled(2_000),
      backoffMaxMs: scaled(10_000),
    },
    sharesEveryMs: scaled(60_000),
    awayMs: scaled(10_000, answerMsMin),
    shareSilenceMs: scaled(60_000, answerMsMin),
    fileLookMs: scaled(5_000, answerMsMin),
  };
}
