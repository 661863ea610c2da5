/** A job that failed on a host for a reason of its surroundings. */
export interface HostFailure {
  readonly jobId: string;
  readonly atMs: number;
  /** Codes of the attempt's problems. */
  readonly codes: readonly string[];
  /** Shares that the job needs. */
  readonly shares: readonly string[];
}

/** A host on which different jobs failed in a row: it takes nothing new until what failed is probed and works. */
export interface Sickness {
  readonly sinceMs: number;
  /** For people: `sick: ...`. */
  readonly reason: string;
  /** What is to be probed: problem codes and shares. */
  readonly causes: readonly string[];
  readonly shares: readonly string[];
  /** Probes that were asked for, those of an earlier sickness that has just healed included. */
  readonly checks: number;
  readonly nextCheckAtMs: number;
  /** The probe whose answer counts; absent before the first. */
  readonly checkId?: string;
  /** What the last probe found. */
  readonly finding?: string;
}

/** What the controller remembers of a host's bad luck; durable. */
export interface HostHealth {
  /** Of different jobs, oldest first, with no success between. */
  readonly failures: readonly HostFailure[];
  readonly sick?: Sickness;
  /** The last sickness that a probe healed: one that comes back soon is probed with its back-off, not from the start. */
  readonly healed?: { readonly atMs: number; readonly checks: number };
}

export interface HealthTimes {
  readonly sickCheckMinMs: number;
  readonly sickCheckMaxMs: number;
  readonly sickRelapseMs: number;
}

/** Different jobs in a row that fail on a host before it is sick (scheduling.md, Outcomes and retries). */
export const sickAfterJobs = 3;

/** Causes and shares of one sickness that are kept: what a probe could look at. */
const causesMax = 20;

const well: HostHealth = { failures: [] };

/** A job failed there for a reason of its surroundings. */
export function afterHostFailure(
  health: HostHealth = well,
  failure: HostFailure,
  times: HealthTimes,
): HostHealth {
  const others = health.failures.filter(({ jobId }) => jobId !== failure.jobId);
  const failures = [...others, failure].slice(-sickAfterJobs);
  if (health.sick !== undefined) return { ...health, failures, sick: widened(health.sick, failure) };
  if (failures.length < sickAfterJobs) return { ...health, failures };
  return { ...health, failures, sick: sickness(health, failures, failure.atMs, times) };
}

/** A job was published from there: whatever failed before is no row any more. A sickness stays until its probe. */
export function afterHostSuccess(health: HostHealth): HostHealth {
  return { ...health, failures: [] };
}

/** A probe is asked for; the next follows with back-off, whether this one is answered or not. */
export function withCheck(sick: Sickness, checkId: string, nowMs: number, times: HealthTimes): Sickness {
  return {
    ...sick,
    checkId,
    checks: sick.checks + 1,
    nextCheckAtMs: nowMs + backoffMs(sick.checks, times),
  };
}

/** The probe found that everything works again. */
export function afterHealing({ sick }: HostHealth, nowMs: number): HostHealth {
  return { failures: [], ...(sick && { healed: { atMs: nowMs, checks: sick.checks } }) };
}

function sickness(
  { healed }: HostHealth,
  failures: readonly HostFailure[],
  nowMs: number,
  times: HealthTimes,
): Sickness {
  const causes = distinct(failures.flatMap(({ codes }) => codes));
  const relapsed = healed !== undefined && nowMs - healed.atMs < times.sickRelapseMs;
  const checks = relapsed ? healed.checks : 0;
  const what = causes.length === 0 ? '' : ` (${causes.join(', ')})`;
  return {
    sinceMs: nowMs,
    reason: `sick: ${failures.length} different jobs in a row failed there for reasons of the PC${what}`,
    causes,
    shares: distinct(failures.flatMap(({ shares }) => shares)),
    checks,
    nextCheckAtMs: nowMs + (checks === 0 ? 0 : backoffMs(checks - 1, times)),
  };
}

function widened(sick: Sickness, failure: HostFailure): Sickness {
  return {
    ...sick,
    causes: distinct([...sick.causes, ...failure.codes]),
    shares: distinct([...sick.shares, ...failure.shares]),
  };
}

function backoffMs(checks: number, { sickCheckMinMs, sickCheckMaxMs }: HealthTimes): number {
  // 2 ** 30 is beyond every limit of ours; without the bound the number of checks of years would overflow.
  return Math.min(sickCheckMaxMs, sickCheckMinMs * 2 ** Math.min(checks, 30));
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)].slice(0, causesMax);
}
