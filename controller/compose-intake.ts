import type { ControllerConfig, SupabaseConfig } from './config.ts';
import { storedJobs } from './directory/intake.ts';
import { IntakePoll } from './directory/intake-poll.ts';
import { IntakeClaims, IntakeRows, type IntakeTableOptions } from './directory/intake-table.ts';
import { LedLoop } from './directory/led-loop.ts';
import { refusedCopies, ShadowPoll } from './directory/shadow-poll.ts';
import { shadowReports } from './directory/shadow-report.ts';
import type { StoredJobRules } from './directory/stored-job.ts';
import type { ShadowReports, StoredJobs } from './domain/stored-jobs.ts';
import type { Engine } from './engine/engine.ts';
import type { Clock } from './engine/ports.ts';
import type { RpcLogger } from './rpc/context.ts';

/** How rows of the studio's tables become jobs here. */
export interface Intake {
  /** Absent: there are no rows to submit. */
  readonly stored?: StoredJobs;
  /** Absent: there is nothing to compare. */
  readonly shadow?: ShadowReports;
  /** Ends what is under way. Idempotent. */
  stop(): Promise<void>;
}

interface IntakeParts {
  readonly engine: Engine;
  readonly log: RpcLogger;
  readonly clock: Clock;
  readonly rules: StoredJobRules;
}

/** Where the settings do not say it. */
const pollDefaults = { everyMs: 10_000, pageRows: 50 } as const;

/**
 * Submitting by id, and polling where it is configured. A farm that is a shadow is made of parts that only read: what
 * claims and writes is not built.
 */
export function composeIntake({ farm, supabase }: ControllerConfig, parts: IntakeParts): Intake {
  if (supabase !== undefined && farm.shadow === true) return shadowOf(supabase, parts);
  // Without the mirror nobody would hear what became of a row.
  if (supabase?.mirror === undefined) return { stop: () => Promise.resolve() };
  const { url, key, poll, mirror } = supabase;
  const access = { url, key, timeoutMs: mirror.requestMs };
  return intakeOf({ access, claimant: farm.farmName, ...(poll && { poll }) }, parts);
}

interface IntakeSettings extends Pick<SupabaseConfig, 'poll'> {
  readonly access: IntakeTableOptions;
  readonly claimant: string;
}

function intakeOf({ access, claimant, poll }: IntakeSettings, parts: IntakeParts): Intake {
  const { engine, log, clock, rules } = parts;
  const stopping = new AbortController();
  const rows = new IntakeRows(access);
  const claims = new IntakeClaims(access, claimant);
  const options = { farm: engine, rows, claims, rules, stopping: stopping.signal };
  const loop =
    poll &&
    new LedLoop({
      ...{ farm: engine, clock, log, random: Math.random, everyMs: poll.everyMs },
      name: 'polling of queued rows',
      begin: () => new IntakePoll({ ...options, log, pageRows: poll.pageRows }),
    });
  return {
    stored: storedJobs(options),
    stop: async () => {
      stopping.abort(new Error('the controller stops'));
      await loop?.stop();
    },
  };
}

function shadowOf(supabase: SupabaseConfig, { engine, log, clock, rules }: IntakeParts): Intake {
  const stopping = new AbortController();
  const rows = new IntakeRows(supabase);
  const refused = refusedCopies();
  const { everyMs, pageRows } = supabase.poll ?? pollDefaults;
  const newestCopyMs = async (): Promise<number | undefined> =>
    (await engine.jobs({}, { size: 1, token: '' })).entries[0]?.job.submittedAtMs;
  const loop = new LedLoop({
    ...{ farm: engine, clock, log, random: Math.random, everyMs },
    name: "copying of the other farm's jobs",
    begin: () => new ShadowPoll({ farm: engine, rows, rules, pageRows, log, newestCopyMs, refused }),
  });
  return {
    shadow: shadowReports({
      rows,
      jobs: (page) => engine.jobs({}, page),
      refused,
      stopping: stopping.signal,
    }),
    stop: async () => {
      stopping.abort(new Error('the controller stops'));
      await loop.stop();
    },
  };
}
