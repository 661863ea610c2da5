import { randomUUID } from 'node:crypto';
import type { FilesSeen, LookAtFiles } from '../../../proto/file-link.ts';
import { FarmError } from '../../domain/errors.ts';
import type { JobSpec } from '../../domain/job.ts';
import type { JobDraft } from '../../domain/job-draft.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import { sourceShareOf } from '../../domain/shares.ts';
import { jobLimits, validateJob } from '../../domain/validate.ts';
import { timedBudget } from '../../scheduling/budget.ts';
import type { CatalogAnswer, Clock, PathLookUp } from '../ports.ts';
import { lookAgents } from '../turn/look-agents.ts';
import type { FarmState } from '../turn/state.ts';
import { submitForecast } from '../turn/submit-forecast.ts';
import { submitVerdict } from '../turn/submit-verdict.ts';
import { unlessAborted } from '../unless-aborted.ts';
import type { SubmitForecast, Verification, VerifiedItem } from '../verification.ts';
import type { WantedFile } from './file-desk.ts';
import { FileLooks } from './file-looks.ts';
import type { FileAnswer } from './inquiry.ts';
import { isRenderable, verifiedItem } from './item-facts.ts';
import { faultsByItem } from './job-faults.ts';
import { type ItemPlaces, placesOf } from './places.ts';
import { Turnstile } from './turnstile.ts';
import { knownSourceBytes, verifiedLength, withMeasured } from './verified-size.ts';

export interface VerifyDeskOptions {
  readonly settings: FarmSettings;
  readonly clock: Clock;
  readonly pathsOf: PathLookUp;
  /** Committed state. @throws NOT_LEADING, SHUTTING_DOWN */
  readonly read: <T>(look: (state: FarmState) => T) => Promise<T>;
  /** False as soon as the stream is over, also where the farm has not taken note of it. */
  readonly isOpen: (sessionId: string) => boolean;
  /** Sends on that stream. */
  readonly send: (sessionId: string, message: LookAtFiles) => void;
}

/** Verifies at a time. */
const verifiesMax = 100;
/** A forecast may hold up the farm for so long, and then makes way for so many times as long. */
const forecastMs = 25;
const forecastRest = 3;
/** Of the time of a verify: one question to one agent, and how soon one without time is asked again. */
const askShare = 1 / 3;
const restShare = 1 / 60;

/**
 * Verifies jobs that nobody has submitted, for one reign: what is wrong with them, all of it; whether their files are
 * there; when they would be rendered. It writes nothing down and changes nothing, and ends with the reign.
 */
export class VerifyDesk {
  readonly #options: VerifyDeskOptions;
  readonly #looks: FileLooks;
  readonly #forecasts: Turnstile;
  readonly #ended = new AbortController();
  #underway = 0;

  constructor(options: VerifyDeskOptions) {
    this.#options = options;
    const { clock, send, settings } = options;
    const { verifyMs } = settings.times;
    this.#looks = new FileLooks({
      ...{ clock, send },
      askMs: verifyMs * askShare,
      silentMs: verifyMs,
      restMs: verifyMs * restShare,
    });
    this.#forecasts = new Turnstile(clock, forecastRest);
  }

  /** @throws FarmError TOO_MANY_REQUESTS, and what ends the reign: NOT_LEADING, SHUTTING_DOWN */
  async verify(draft: JobDraft): Promise<Verification> {
    this.#ended.signal.throwIfAborted();
    if (this.#underway >= verifiesMax) {
      const message = `${this.#underway} jobs are being verified already`;
      throw new FarmError('TOO_MANY_REQUESTS', message, { retryAfterMs: 2_000 });
    }
    this.#underway += 1;
    try {
      return await unlessAborted(this.#verify(draft), this.#ended.signal);
    } finally {
      this.#underway -= 1;
    }
  }

  /** An agent has answered. */
  answered(sessionId: string, seen: FilesSeen): void {
    this.#looks.answered(sessionId, seen);
  }

  /** A stream has ended. */
  left(sessionId: string): void {
    this.#looks.left(sessionId);
  }

  /** Ends every verify with this error. Idempotent. */
  stop(error: FarmError): void {
    this.#ended.abort(error);
    this.#looks.stop();
  }

  async #verify(draft: JobDraft): Promise<Verification> {
    const { settings, clock } = this.#options;
    const { shares, times } = settings;
    const endsAtMs = clock.nowMs() + times.verifyMs;
    const isInSourceShare = (path: string): boolean => sourceShareOf(path, shares) !== undefined;
    const nowMs = clock.nowMs();
    const checked = validateJob(draft, { isInSourceShare, newJobId: randomUUID(), nowMs });
    const faults = faultsByItem(draft, checked.valid ? [] : checked.violations, isInSourceShare);
    const drafts = draft.items.slice(0, jobLimits.itemsMax);
    const catalog = await this.#lookUp(draft, times.verifyMs);
    const places = drafts.map((item) => placesOf(item, catalog, shares));
    const answers = await this.#lookAt(places, endsAtMs);
    const items = drafts.map((item, index) =>
      verifiedItem(item, places[index] ?? { faults: [] }, answers, faults.ofItems.get(index) ?? []),
    );
    const known = {
      ...{ items, videoCount: drafts.filter(({ itemType }) => itemType === 'video').length },
      ...verifiedLength(items),
      ...renderableOf(items),
    };
    if (!checked.valid) return { ...known, accepted: false, existed: false, faults: faults.ofJob };
    const spec = withMeasured(checked.spec, items);
    const catalogAway = 'away' in catalog ? catalog.away : undefined;
    const verdict = await this.#options.read((state) =>
      submitVerdict(state, settings, spec, { nowMs: clock.nowMs(), catalogAway }),
    );
    const placed = places.every((place) => place.faults.length === 0);
    const { route, existed } = verdict;
    const all = {
      ...known,
      ...{ accepted: verdict.faults.length === 0 && placed, existed, faults: verdict.faults },
      ...(route && { queue: route.queue, routeRule: route.rule }),
    };
    if (!all.accepted || existed || route === undefined) return all;
    const needs = {
      spec,
      route,
      shares: sharesOf(places, settings),
      sourceBytes: knownSourceBytes(places, answers),
    };
    const forecast = await this.#forecast(needs, endsAtMs);
    return { ...all, ...(forecast && { forecast }) };
  }

  /** One question for all ids. A catalogue that is slow leaves nothing to be looked at, and that is what is told. */
  async #lookUp({ items }: JobDraft, limitMs: number): Promise<CatalogAnswer> {
    const ids = [...new Set(items.map(({ videoId }) => videoId).filter((id) => id !== ''))];
    if (ids.length === 0) return { paths: new Map() };
    const { clock, pathsOf } = this.#options;
    const over = new AbortController();
    const late = new Error('the catalogue has not answered in time');
    const cancelTimer = clock.after(limitMs, () => over.abort(late));
    try {
      const signal = AbortSignal.any([over.signal, this.#ended.signal]);
      return await unlessAborted(pathsOf(ids, signal), signal);
    } catch (error) {
      if (error !== late) throw error;
      return { away: late.message };
    } finally {
      cancelTimer();
    }
  }

  async #lookAt(places: readonly ItemPlaces[], endsAtMs: number): Promise<ReadonlyMap<string, FileAnswer>> {
    const all = places.flatMap(({ source, logo }) => [source ?? [], logo ?? []].flat());
    const files = new Map<string, WantedFile>(all.map((file) => [file.path, file]));
    const { read, isOpen } = this.#options;
    const agents = (await read(lookAgents)).filter(({ sessionId }) => isOpen(sessionId));
    const leftMs = Math.max(1, endsAtMs - this.#options.clock.nowMs());
    return await this.#looks.look([...files.values()], agents, leftMs);
  }

  /** Undefined: too many others want one just now. */
  async #forecast(
    wouldBe: Parameters<typeof submitForecast>[3] & { readonly spec: JobSpec },
    endsAtMs: number,
  ): Promise<SubmitForecast | undefined> {
    const { settings, clock, read } = this.#options;
    return await this.#forecasts.pass(endsAtMs, () =>
      read((state) => {
        const budget = timedBudget(forecastMs, () => clock.nowMs());
        return submitForecast(state, settings, clock.nowMs(), wouldBe, budget);
      }),
    );
  }
}

function sharesOf(places: readonly ItemPlaces[], { output }: FarmSettings): readonly string[] {
  const names = places.flatMap(({ source, logo }) => [source?.share ?? [], logo?.share ?? []].flat());
  return [...new Set([...names, output.share])];
}

function renderableOf(items: readonly VerifiedItem[]): Pick<Verification, 'renderable'> {
  const each = items.map(isRenderable);
  if (items.length === 0 || each.includes(false)) return { renderable: false };
  return each.includes(undefined) ? {} : { renderable: true };
}
