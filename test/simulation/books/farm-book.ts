import { emptyJournal } from '../../../agent/core/journal-fold.ts';
import type { FarmSettings } from '../../../controller/domain/settings.ts';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import type { FarmState } from '../../../controller/engine/turn/state.ts';
import type { World } from '../world.ts';
import type { SeenAgent } from './book.ts';

/** Announcements an agent holds at most: one job ahead per slot, and as many again while the plan changes. */
const announcementsPerSlot = 2;
const attemptsKeptMax = 100;
const journalEventsMax = 5_000;

/** What memory holds has limits, and every job that waits has an answer to why. Looked at now and then. */
export class FarmBook {
  readonly #world: World;
  readonly #settings: FarmSettings;

  constructor(world: World, settings: FarmSettings) {
    this.#world = world;
    this.#settings = settings;
  }

  lookAtController(state: FarmState): void {
    for (const jobId of state.openJobs) {
      const said = explanation(state, this.#settings, this.#world.nowMs, jobId);
      const silent = said?.agents.find(({ feasible, reasons }) => !feasible && reasons.length === 0);
      if (said === undefined || said.summary.trim() === '' || silent !== undefined)
        this.#world.violated('why a job waits has an answer', `${jobId}: ${said?.summary ?? 'no answer'}`);
    }
    for (const [jobId, keys] of state.attemptsOfJob)
      this.#limit(`attempts of ${jobId}`, keys.length, attemptsKeptMax);
    const live = [...state.liveAttempts.values()].reduce((sum, keys) => sum + keys.size, 0);
    this.#limit('runtimes', state.runtimes.size, live);
    this.#limit('publications that are tried again', state.publishRetries.size, live);
    this.#limit('streams', state.sessionOwners.size, state.presences.size);
    const isEnded = (jobId: string) => !state.openJobs.has(jobId);
    for (const [what, jobIds] of [
      ['announcements', state.announcements],
      ['refusals', state.refusals],
      ['reasons', state.waitReasons],
    ] as const)
      this.#limit(`${what} of ended jobs`, [...jobIds.keys()].filter(isEnded).length, 0);
  }

  lookAtAgent({ state, options, works }: SeenAgent): void {
    const journal = state?.journal ?? emptyJournal('');
    this.#limit(`events in the journal of ${options.machine}`, journal.events.length, journalEventsMax);
    const announced = state?.announcements.size ?? 0;
    this.#limit(`announcements at ${options.machine}`, announced, options.slots * announcementsPerSlot);
    this.#limit(`works of ${options.machine}`, works.size, (state?.attempts.size ?? 0) + options.slots);
  }

  #limit(what: string, count: number, max: number): void {
    if (count > max) this.#world.violated('everything has a limit', `${what}: ${count}, at most ${max}`);
  }
}
