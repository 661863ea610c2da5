import { z } from 'zod';
import { bigQuerySettings } from './config-bigquery-schema.ts';
import { catalogFolderSettings } from './config-catalog-schema.ts';
import { count, durationMs, path, uncRoot } from './config-field-schemas.ts';
import { historySettings } from './config-history-schema.ts';
import { logsSettings } from './config-logs-schema.ts';
import { storeSettings } from './config-store-schema.ts';
import { supabaseSettings } from './config-supabase-schema.ts';
import { isPlainName, plainNameRule } from './domain/text-rules.ts';
import { timeNames } from './domain/times.ts';

const name = z.string().refine(isPlainName, plainNameRule);
const address = z.string().regex(/^.+:\d{1,5}$/u, 'must be host:port');
const weight = z.number('must be a number').min(0.01).max(100);
const userWeightsMax = 10_000;
const timeZone = z.string().refine(isTimeZone, 'must be an IANA time zone such as Europe/Berlin');

const queue = z.strictObject({
  name: name.describe('What jobs, rules and agents call it.'),
  softRunMs: durationMs
    .optional()
    .describe('Clean stop of an attempt after this. Default: `times.softRunMs`.'),
  hardRunMs: durationMs.optional().describe('Kill of an attempt after this. Default: `times.hardRunMs`.'),
  rateProfile: z.enum(['studio', 'quality']).default('studio').describe('Bit rates of its results.'),
  weight: weight
    .optional()
    .describe(
      'Its share of the farm beside other queues that have one, 0.01 to 100. Without one its jobs count for their users only.',
    ),
  runningMax: count(1, 1_000_000).optional().describe('Jobs of it at a time on agents. Default: no limit.'),
  jobsMax: count(1, 1_000_000)
    .optional()
    .describe('Jobs of it that have not ended; further ones are refused. Default: `limits.jobsMax` alone.'),
});

const share = z.strictObject({
  name: name.describe('What agents call it in their mounts.'),
  roots: z
    .array(uncRoot)
    .min(1)
    .max(16)
    .describe('UNC paths that mean this share; results are named by the first.'),
  role: z.enum(['source', 'output']).describe('Whether jobs read from it, or results are written to it.'),
});

const rule = z.strictObject({
  name: z.string().min(1).max(100).describe("Shown as the reason for a job's queue."),
  when: z
    .strictObject({
      enable4k: z.boolean().optional().describe('The job is (or is not) 4K.'),
      videosMoreThan: count(0, 2_000).optional().describe('It has more `video` items than this.'),
      anyText: z.boolean().optional().describe('Some (or no) `video` item has a text.'),
    })
    .describe('Every condition that is given must hold; none given: it always holds.'),
  queue: name.describe('Where the job goes.'),
});

/** What an operator may write, each with its default and its meaning; docs/configuration.md is made from it. */
export const settingsSchema = z.strictObject({
  farm: name.default('farm').describe('Name of the farm, in logs and on the page.'),
  listen: z
    .array(address)
    .min(1)
    .max(16)
    .default(['127.0.0.1:7070'])
    .describe(
      'gRPC addresses. Beyond loopback `tls` and a token are required. Flag `--listen`, can be repeated.',
    ),
  web: z
    .strictObject({
      listen: z
        .array(address)
        .min(1)
        .max(16)
        .default(['127.0.0.1:8000'])
        .describe('Its addresses. Beyond loopback `tls` and a token are required, as for gRPC.'),
      origins: z
        .array(z.string().regex(/^https?:\/\/[^\s/]+$/u, 'must be an origin such as http://localhost:3000'))
        .max(16)
        .default([])
        .describe('Pages whose scripts may call it, e.g. `http://localhost:3000`.'),
    })
    .optional()
    .describe('The HTTP API of the old web application. Absent: not served; `web: {}` serves the defaults.'),
  advertise: z
    .array(z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/u, 'must be host:port'))
    .min(1)
    .max(16)
    .optional()
    .describe(
      'Where agents and clients reach this controller: a standby sends them here while it leads. Needed with a standby where `listen` is a wildcard. Default: `listen`. Flag `--advertise`, can be repeated.',
    ),
  tls: z
    .strictObject({
      cert: path.describe('PEM file of the certificate chain. Flag `--tls-cert`.'),
      key: path.describe('PEM file of its key. Flag `--tls-key`.'),
      ca: path
        .optional()
        .describe('PEM file: callers must show a certificate signed by it. Flag `--tls-ca`.'),
    })
    .optional()
    .describe('Encrypts every connection.'),
  token: z
    .string()
    .regex(/^[\x21-\x7e]{16,256}$/u, 'must be 16 to 256 printable characters without spaces')
    .optional()
    .describe('The one token that every caller must show. Environment `FARM_TOKEN`.'),
  tokenFile: path.optional().describe('File that holds the token instead. Flag `--token-file`.'),
  dataDir: path.default('data').describe("Folder of the farm's database. Flag `--data`."),
  store: storeSettings.prefault({}).describe('Where the farm is kept.'),
  history: historySettings
    .prefault({})
    .describe(
      'What is kept of jobs that have left the hot store, where Supabase and BigQuery do not keep it.',
    ),
  logsDir: path.default('logs').describe('Folder of the job logs. Flag `--logs`.'),
  logs: logsSettings.prefault({}).describe('How long job logs stay.'),
  timeZone: timeZone.optional().describe("Zone of log dates and log lines. Default: the machine's."),
  shares: z.array(share).min(1).max(64).describe('The shares that jobs may use, and no others.'),
  output: z
    .strictObject({
      share: name.describe('A share whose role is `output`.'),
      folder: z
        .string()
        .max(1_024)
        .refine(isInside, 'must be a folder inside the share, without ..')
        .default('')
        .describe('Folder in it; empty: its root.'),
    })
    .describe('Where results go.'),
  queues: z
    .array(queue)
    .min(1)
    .max(64)
    .prefault([{ name: '4k_queue' }, { name: 'gpu_queue' }, { name: 'default_queue' }])
    .describe('The queues that agents subscribe to.'),
  routing: z
    .union(
      [
        z.enum(['by-feature', 'by-size']),
        z.strictObject({
          rules: z.array(rule).max(100).describe('Tried in order; the first that holds decides.'),
          defaultQueue: name.describe('Where a job goes when no rule holds.'),
        }),
      ],
      'must be by-feature, by-size, or rules and defaultQueue',
    )
    .default('by-feature')
    .describe('Which queue a job goes to: a preset, or a table of your own.'),
  limits: z
    .strictObject({
      jobsMax: count(1, 1_000_000).default(10_000).describe('Jobs that have not ended.'),
      jobsPerUserMax: count(1, 1_000_000).default(2_000).describe('The same, of one user.'),
      runningMax: count(1, 1_000_000).optional().describe('Jobs at a time on agents. Default: no limit.'),
      runningPerUserMax: count(1, 1_000_000).optional().describe('The same, of one user. Default: no limit.'),
      catalogWaitingMax: count(0, 1_000_000)
        .default(1_000)
        .describe('Jobs that wait for a catalogue that is away; beyond it jobs with video ids are refused.'),
      agentsMax: count(1, 100_000).default(2_000).describe('Agents attached at a time.'),
      watchersMax: count(1, 100_000).default(1_000).describe('Open watches.'),
      watchBacklogMax: count(10, 100_000).default(1_000).describe('Changes that wait for one slow watcher.'),
      inboxMax: count(100, 1_000_000).default(10_000).describe('Inputs that wait for the engine.'),
      inboxBytesMax: count(2 ** 20, 2 ** 34)
        .default(128 * 2 ** 20)
        .describe('Bytes of records that they make together; beyond it callers are refused, agents wait.'),
      outboxRowsMax: count(100, 10_000_000)
        .default(100_000)
        .describe(
          'Changes of jobs that wait for Supabase, BigQuery or the history, one for each of them and job; beyond it new jobs are refused (`OUTBOX_FULL`).',
        ),
    })
    .prefault({})
    .describe(
      'What callers can make the controller hold: beyond it they are refused; and the farm do at a time.',
    ),
  retries: z
    .strictObject({
      attemptsMax: count(1, 100).default(3).describe('Charged attempts of a job.'),
      lossesMax: count(1, 100).default(3).describe('Lost agents after which a job is quarantined.'),
      environmentFailuresMax: count(1, 1_000)
        .default(10)
        .describe('Uncharged failures within `times.environmentWindowMs` after which it is.'),
    })
    .prefault({})
    .describe('When a job is given up.'),
  assist: z
    .enum(['on', 'off'])
    .default('on')
    .describe(
      'Whether agents that have nothing to do render items of running jobs for others. Only where agents of one join class share a segment cache.',
    ),
  shadow: z
    .boolean()
    .default(false)
    .describe(
      "Renders copies of another farm's jobs and keeps the results nowhere; nothing is written to Supabase or BigQuery.",
    ),
  results: z
    .enum(['completed', 'all'])
    .default('completed')
    .describe('Which ends of jobs make a row of results: those that were published, or every end.'),
  times: z
    .strictObject(Object.fromEntries(timeNames.map((each) => [each, durationMs.optional()])))
    .prefault({})
    .describe('Time limits, in milliseconds; the table below has them all.'),
  timeScale: z
    .number()
    .positive()
    .max(100)
    .default(1)
    .describe('Multiplies every time limit, for tests. Flag `--time-scale`.'),
  catalogFile: path
    .optional()
    .describe(
      'CSV or JSON: `video_id`, `path`, and if wanted `resolution`, `is_4k`. Read again when it changes.',
    ),
  catalogFolder: catalogFolderSettings
    .optional()
    .describe(
      'Instead of `catalogFile`: a folder of videos; the `video_id` of each is its name without the extension.',
    ),
  bigQuery: bigQuerySettings
    .optional()
    .describe('The catalogue in BigQuery, and where results go; instead of `catalogFile`.'),
  supabase: supabaseSettings
    .optional()
    .describe("Names of users from Supabase's `profiles`, instead of `users`."),
  users: z
    .record(z.string().max(128), z.string().max(128))
    .default({})
    .describe('Names of users by their id; others are called by the id.'),
  userWeights: z
    .record(z.string().min(1).max(128), weight)
    .refine(
      (weights) => Object.keys(weights).length <= userWeightsMax,
      `must have at most ${userWeightsMax} entries`,
    )
    .default({})
    .describe('Share of the farm of users by their id, 0.01 to 100; 1 for others.'),
});

/** The settings with every default filled in, before files are read and names are matched. */
export type Settings = z.output<typeof settingsSchema>;
export type SettingName = keyof Settings;

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function isInside(folder: string): boolean {
  const parts = folder.split(/[\\/]/u);
  return (
    !parts.includes('..') && !parts.includes('.') && !/[:*?"<>|]/u.test(folder) && !/^[\\/]/u.test(folder)
  );
}
