import type { JobRecord } from '../../domain/job.ts';
import { statusOf } from '../../domain/job-states.ts';
import { moveJob, noteJob, without } from '../../domain/move-job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { LookedUp } from '../ports.ts';
import { shortSentence } from './agent-texts.ts';
import type { Input, LookUpAnswer } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { dropAnnouncement } from './placing.ts';
import type { Refused } from './requests.ts';
import type { FarmState } from './state.ts';

/** Jobs, and items of theirs, that one question is about: its answer is one input of the engine. */
const jobsPerAskMax = 200;
const itemsPerAskMax = 10_000;
/** Open jobs that may wait for the catalogue where nothing else is configured. */
const waitingMax = 1_000;

/** As many jobs wait for the catalogue as may; undefined: there is room for one more. */
export function refusedWithoutCatalog(
  { state, settings }: Pick<Ledger, 'state' | 'settings'>,
  why: string,
): Refused | undefined {
  const limit = settings.limits.catalogWaitingMax ?? waitingMax;
  if (state.awaitingCatalog.size < limit) return undefined;
  return {
    kind: 'refused',
    code: 'CATALOG_UNAVAILABLE',
    message: `${why}; ${state.awaitingCatalog.size} jobs wait for the catalogue already, the limit is ${limit}`,
    retryAfterMs: settings.times.catalogRetryMaxMs,
  };
}

/**
 * A submit has found out how the catalogue is.
 * @param why it is away; undefined: it has answered
 */
export function noteCatalog(ledger: Ledger, why: string | undefined): void {
  const { catalog } = ledger.state;
  if (why === undefined) catalog.nextAskMs = 0;
  else if (catalog.failures === 0) noteAway(ledger, why);
}

/** Asks the catalogue where somebody waits for it: one question at a time, with a back-off while it is away. */
export function askCatalog(ledger: Ledger): void {
  const { state, settings, nowMs } = ledger;
  const { catalog } = state;
  if (catalog.asking !== undefined) {
    if (nowMs < catalog.asking.sinceMs + settings.times.catalogAnswerMs) return;
    catalog.asking = undefined;
    noteAway(ledger, 'it has not answered');
  }
  if (nowMs < catalog.nextAskMs) return;
  const jobIds = jobsToAsk(state);
  if (jobIds.length === 0) return;
  const askId = `${state.epoch.term}-${catalog.nextAsk++}`;
  catalog.asking = { askId, jobIds: new Set(jobIds), sinceMs: nowMs };
  ledger.effects.push({ kind: 'look-up', askId, jobIds });
}

/** When `askCatalog` has something to do by time alone. */
export function nextCatalogMs({ catalog, awaitingCatalog }: FarmState, { times }: FarmSettings): number {
  if (catalog.asking !== undefined) return catalog.asking.sinceMs + times.catalogAnswerMs;
  return awaitingCatalog.size > 0 ? catalog.nextAskMs : Number.POSITIVE_INFINITY;
}

export function takeCatalogAway(
  ledger: Ledger,
  { askId, why }: Extract<Input, { kind: 'catalog-away' }>,
): void {
  const { catalog } = ledger.state;
  if (catalog.asking?.askId !== askId) return;
  catalog.asking = undefined;
  noteAway(ledger, why);
}

export function takeLookedUp(
  ledger: Ledger,
  { askId, answers }: Extract<Input, { kind: 'looked-up' }>,
): void {
  const { catalog } = ledger.state;
  // The answer to a question that was given up: the next one has the same jobs.
  if (catalog.asking?.askId !== askId) return;
  if (catalog.failures > 0) ledger.log('info', 'catalog-back', { failures: catalog.failures });
  catalog.asking = undefined;
  catalog.failures = 0;
  catalog.nextAskMs = answers.length === 0 ? ledger.nowMs + ledger.settings.times.catalogRetryMinMs : 0;
  for (const answer of answers) {
    const job = ledger.state.jobs.get(answer.jobId);
    catalog.wanted.delete(answer.jobId);
    if (job !== undefined && statusOf(job.state) === 'queued') takeAnswer(ledger, job, answer);
  }
  ledger.state.planStale = true;
}

function takeAnswer(ledger: Ledger, job: JobRecord, answer: LookUpAnswer): void {
  if ('refused' in answer) refuse(ledger, job, answer.refused);
  else if ('paths' in answer) takePaths(ledger, job, answer.paths);
  else ledger.putJob({ ...without(job, 'awaitsCatalog'), lookedUpAtMs: ledger.nowMs });
}

function takePaths(
  ledger: Ledger,
  job: JobRecord,
  { resolved, resolution, shares }: Extract<LookedUp, { paths: unknown }>['paths'],
): void {
  const body = ledger.state.bodies.get(job.jobId);
  if (body === undefined) throw new Error(`job ${job.jobId} has no body`);
  const { awaitsCatalog } = job;
  const changed = resolved.filter((item, index) => item.path !== body.resolved[index]?.path).length;
  const entry = {
    atMs: ledger.nowMs,
    what: 'looked-up',
    detail: awaitsCatalog
      ? `the catalogue has answered: ${resolution.found} ids found`
      : `the catalogue has other paths for ${changed} items`,
  };
  // What agents have told of the old files, and fetch of them, is of no use.
  ledger.state.sources.delete(job.jobId);
  dropAnnouncement(ledger, job.jobId);
  ledger.putJob(
    noteJob(without(job, 'awaitsCatalog'), entry, {
      lookedUpAtMs: ledger.nowMs,
      shares: [...new Set([...shares, ledger.settings.output.share])],
    }),
  );
  ledger.putBody({ ...body, resolved, resolution });
  ledger.log('info', 'job-looked-up', { jobId: job.jobId, detail: entry.detail });
}

/** Its retry begins by asking again: the ids may be there by then. */
function refuse(
  ledger: Ledger,
  job: JobRecord,
  { code, violations }: Extract<LookedUp, { refused: unknown }>['refused'],
): void {
  const detail = shortSentence(violations.map(({ description }) => description).join('; '));
  ledger.putJob(
    moveJob(
      without(job, 'reason', 'notBeforeMs'),
      'failed',
      { atMs: ledger.nowMs, what: 'failed', detail },
      {
        errorMessage: detail,
        problems: violations.map(({ field, description }) => ({
          code,
          subject: field,
          message: description,
        })),
        endedAtMs: ledger.nowMs,
        awaitsCatalog: { sinceMs: ledger.nowMs, why: 'it is asked again for what it did not know' },
      },
    ),
  );
  ledger.log('warn', 'job-failed', { jobId: job.jobId, reason: detail });
}

function noteAway(ledger: Ledger, why: string): void {
  const { state } = ledger;
  if (state.catalog.failures === 0) ledger.log('warn', 'catalog-away', { why: shortSentence(why) });
  backOff(ledger);
  // Old paths are good enough now.
  state.planStale = true;
}

/** Doubled at each failure, with jitter in its second half: standbys of one studio ask the same BigQuery. */
function backOff({ state, settings, moment }: Ledger): void {
  const { catalogRetryMinMs, catalogRetryMaxMs } = settings.times;
  state.catalog.failures += 1;
  const pauseMs = Math.min(catalogRetryMaxMs, catalogRetryMinMs * 2 ** (state.catalog.failures - 1));
  state.catalog.nextAskMs = moment.nowMs + Math.ceil(pauseMs * (0.5 + moment.random() / 2));
}

/** Those that cannot start without an answer first. */
function jobsToAsk(state: FarmState): readonly string[] {
  const jobIds: string[] = [];
  let items = 0;
  for (const jobId of [...state.awaitingCatalog, ...state.catalog.wanted]) {
    const job = state.jobs.get(jobId);
    if (job === undefined || statusOf(job.state) !== 'queued') continue;
    if (jobIds.length === jobsPerAskMax) break;
    items += job.itemCount;
    if (jobIds.length > 0 && items > itemsPerAskMax) break;
    jobIds.push(jobId);
  }
  return jobIds;
}
