import type { RateProfile } from '../../proto/agent-link.ts';
import type { DestinationName } from './outbox.ts';
import type { RoutingTable } from './routing.ts';
import type { Times } from './times.ts';

export interface QueueSettings {
  readonly name: string;
  /** Clean stop, from the accepted assignment to the last encoded frame; waiting for shares is excluded. */
  readonly softRunMs: number;
  /** Kill, counted in the same way. */
  readonly hardRunMs: number;
  readonly rateProfile: RateProfile;
  /** Its share of the farm beside others; absent: its jobs count for their users only. */
  readonly weight?: number;
  /** Jobs of it at a time on agents. */
  readonly runningMax?: number;
  /** Jobs of it that have not ended. */
  readonly jobsMax?: number;
}

/** The limits of run time of a queue: its own, else the farm's. */
export function runLimits(
  settings: Pick<FarmSettings, 'queues' | 'times'>,
  queue: string,
): {
  readonly softRunMs: number;
  readonly hardRunMs: number;
} {
  const own = settings.queues.find(({ name }) => name === queue);
  return {
    softRunMs: own?.softRunMs ?? settings.times.softRunMs,
    hardRunMs: own?.hardRunMs ?? settings.times.hardRunMs,
  };
}

export interface ShareSettings {
  readonly name: string;
  /** UNC roots of the share, normalised: backslashes, none at the end. */
  readonly roots: readonly string[];
  readonly role: 'source' | 'output';
}

export interface OutputSettings {
  /** Name of a share whose role is `output`. */
  readonly share: string;
  /** UNC folder that results are published into: the share's first root and the configured folder. */
  readonly folder: string;
}

/** Limits on what callers can make the controller hold, and the farm do at a time. */
export interface FarmLimits {
  /** Jobs that have not ended. */
  readonly jobsMax: number;
  /** The same, of one user. */
  readonly jobsPerUserMax: number;
  /** Jobs at a time on agents; absent: as many as there are slots. */
  readonly runningMax?: number;
  /** The same, of one user. */
  readonly runningPerUserMax?: number;
  /** Open jobs that wait for a catalogue that is away; of further ones those with video ids are refused. @default 1000 */
  readonly catalogWaitingMax?: number;
  readonly agentsMax: number;
  readonly watchersMax: number;
  /** Changes that may wait to be read by one watcher. */
  readonly watchBacklogMax: number;
  /** Inputs that may wait for the engine's next turn. */
  readonly inboxMax: number;
  /** Bytes of records that they may make together, roughly. */
  readonly inboxBytesMax: number;
  /** Rows of jobs that destinations outside have not been told of; beyond it new jobs are refused. */
  readonly outboxRowsMax: number;
}

/** Charges and losses (scheduling.md, Outcomes and retries). */
export interface RetryLimits {
  /** Charged attempts of one job. */
  readonly attemptsMax: number;
  /** Losses after which a job is quarantined. */
  readonly lossesMax: number;
  /** Uncharged environment failures within `environmentWindowMs` after which a job is quarantined. */
  readonly environmentFailuresMax: number;
}

/** Everything that the engine, the scheduler and the domain take from the configuration. */
export interface FarmSettings {
  readonly farmName: string;
  /** IANA zone that log dates and log lines are written in. */
  readonly timeZone: string;
  readonly queues: readonly QueueSettings[];
  readonly routing: RoutingTable;
  readonly shares: readonly ShareSettings[];
  readonly output: OutputSettings;
  readonly limits: FarmLimits;
  /** Share of the farm of a user beside others; 1 for one who is not here. */
  readonly userWeights: ReadonlyMap<string, number>;
  readonly retries: RetryLimits;
  readonly times: Times;
  /** Agents that have nothing to do render items of running jobs for their owners. */
  readonly assist: boolean;
  /** Jobs are copies of another farm's: they are rendered and published nowhere. @default false */
  readonly shadow?: boolean;
  /** Who is told of jobs. @default nobody */
  readonly destinations?: readonly DestinationName[];
  /** Which ends make a row of results. @default 'completed' */
  readonly results?: 'completed' | 'all';
}

/** How BigQuery is reached. */
export interface BigQuerySettings {
  /** Project that is billed. */
  readonly projectId: string;
  /** Where the datasets lie, e.g. `EU`. @default BigQuery finds out */
  readonly location?: string;
  /** Key of a service account. @default Application Default Credentials */
  readonly keyFile?: string;
  /** An emulator, which is asked without credentials. @default Google's */
  readonly apiEndpoint?: string;
  /** A query ends after this. */
  readonly timeoutMs: number;
}

/** Where the studio's catalogue is in BigQuery. */
export interface BigQueryCatalogSettings extends BigQuerySettings {
  /** `project.dataset.table`. */
  readonly table: string;
  readonly idColumn: string;
  readonly pathColumn: string;
  /** What was found is not asked again for this long. */
  readonly cacheMs: number;
  readonly cacheEntriesMax: number;
}

/** Where rows of results go in BigQuery. */
export interface BigQueryResultsSettings extends BigQuerySettings {
  /** `project.dataset.table`. */
  readonly resultsTable: string;
  /** How its `features_used` is kept: repeated, or one text with commas between. */
  readonly resultsFeatures: 'array' | 'text';
}

/** What is configured of BigQuery. */
export interface BigQueryConfig
  extends BigQueryCatalogSettings,
    Pick<BigQueryResultsSettings, 'resultsFeatures'> {
  /** @default rows of results stay in the local table */
  readonly resultsTable?: string;
}

/** A folder of videos that is the catalogue. */
export interface CatalogFolderSettings {
  /** Where it is mounted here. */
  readonly path: string;
  /** Its UNC path, without a backslash at the end. */
  readonly root: string;
  readonly rescanMs: number;
  /** For an id that is not there it is not scanned more often than this. */
  readonly rescanMinMs: number;
  /** Names in it and below it. */
  readonly filesMax: number;
  readonly depthMax: number;
}
