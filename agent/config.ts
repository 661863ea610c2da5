import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { growthLimitsDefault } from './media/growth.ts';
import type { EncoderRungName } from './render/encoder.ts';
import { encoderLadder } from './render/encoder.ts';

const bytes = z
  .union([z.number().int().positive(), z.string().regex(/^\d+(\.\d+)? ?(MiB|GiB|TiB)$/u, 'use e.g. 200 GiB')])
  .transform(bytesOf);
const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u, 'letters, digits, dots, dashes; at most 63');
const unc = z.string().regex(/^[\\/]{2}[^\\/]+[\\/][^\\/]+/u, 'must be a UNC path such as \\\\host\\Share');
const rungNames = encoderLadder.map((rung) => rung.name) as [EncoderRungName, ...EncoderRungName[]];

/** What an operator may write; every default is here, and nowhere else. */
const schema = z.strictObject({
  /** Who this PC is; equals the certificate's name where there is one. */
  agentId: name.default(() => hostname().slice(0, 63)),
  /** Every controller, as `host:port`; tried in turn. */
  controllers: z
    .array(z.string().regex(/^.+:\d{1,5}$/u, 'must be host:port'))
    .min(1)
    .max(16),
  /** Without it the connection is not encrypted: for loopback only. */
  tls: z
    .strictObject({
      ca: z.string().optional(),
      cert: z.string().optional(),
      key: z.string().optional(),
      serverName: z.string().optional(),
    })
    .refine((tls) => (tls.cert === undefined) === (tls.key === undefined), 'cert and key go together')
    .optional(),
  token: z.string().min(1).optional(),
  tokenFile: z.string().optional(),
  /** Holds `work/`, `cache/`, `journal/` and `logs/`; one agent each. */
  dataDir: z.string().min(1),
  /** Share name to its UNC roots and where it is mounted here; without `localPath` UNC paths are used as they are. */
  mounts: z
    .record(name, z.strictObject({ roots: z.array(unc).min(1), localPath: z.string().optional() }))
    .refine((mounts) => Object.keys(mounts).length > 0, 'at least one share must be mounted'),
  queues: z.array(name).min(1).default(['default_queue']),
  /** Jobs at a time. @default one per GPU, one without a GPU */
  slots: z.number().int().min(1).max(64).optional(),
  /** Jobs at a time on each GPU, in the order of nvidia-smi; a GPU that is not listed has one. */
  gpuSlots: z
    .array(z.number().int().min(0).max(16))
    .min(1)
    .max(16)
    .refine((all) => slotsSum(all) >= 1 && slotsSum(all) <= 64, 'must be 1 to 64 together')
    .optional(),
  labels: z.array(name).max(64).default([]),
  cache: z
    .strictObject({
      bytesMax: bytes.default(200 * 1024 ** 3),
      segmentBytesMax: bytes.default(50 * 1024 ** 3),
      freeBytesMin: bytes.default(2 * 1024 ** 3),
    })
    .prefault({}),
  /** A source that is still being written is copied when it was left alone for `quietMs`; after `growingMsMax` it is an error. */
  sources: z
    .strictObject({
      quietMs: z.number().int().min(1_000).max(600_000).default(growthLimitsDefault.quietMs),
      growingMsMax: z.number().int().min(1_000).max(86_400_000).default(growthLimitsDefault.limitMs),
    })
    .prefault({}),
  /**
   * `shared`: a folder that several agents reach and write, as a UNC path below a mount or a path of this PC; it must be
   * there. What one of them has rendered the others take.
   */
  segmentCache: z
    .strictObject({
      shared: z.string().min(1).max(4_096).optional(),
      sharedBytesMax: bytes.default(500 * 1024 ** 3),
      silenceMs: z.number().int().min(100).max(60_000).default(3_000),
    })
    .prefault({}),
  /** Work folders of failed jobs that were asked for (`--keep-failed`): the oldest go first. */
  keepFailed: z
    .strictObject({
      countMax: z.number().int().min(0).max(1_000).default(10),
      bytesMax: bytes.default(50 * 1024 ** 3),
      daysMax: z.number().positive().max(365).default(7),
    })
    .prefault({}),
  ffmpeg: z.string().default('ffmpeg'),
  ffprobe: z.string().default('ffprobe'),
  /** Left out, the best rung that passes a real test encode is used. */
  encoder: z
    .strictObject({
      rung: z.enum(rungNames).optional(),
      threads: z.number().int().min(1).max(256).optional(),
      gpuIndex: z.number().int().min(0).optional(),
    })
    .prefault({}),
  concurrency: z
    .strictObject({
      copy: z.number().int().min(1).max(32).default(5),
      /** Each takes a core: side by side on fewer, the first item is ready as late as all are. */
      probe: z
        .number()
        .int()
        .min(1)
        .max(32)
        .default(() => Math.min(8, availableParallelism())),
      /** Segments of one job that are encoded at a time. Left out: as many as test encodes at once showed to pay. */
      segments: z.number().int().min(1).max(16).optional(),
    })
    .prefault({}),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Multiplies every time limit of the agent's own, for tests; the controller has the same setting. */
  timeScale: z.number().positive().max(100).default(1),
});

/** What the agent runs on: parsed once, frozen, every path absolute. */
export type AgentConfig = Readonly<z.output<typeof schema>>;

/** Everything that is wrong with a configuration, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
  readonly problems: readonly string[];

  constructor(source: string, problems: readonly string[]) {
    super(`CONFIG_INVALID: ${source}: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

/** Reads a YAML file; relative paths in it are relative to it. Throws ConfigError. */
export function loadAgentConfig(path: string): AgentConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(path, [error instanceof Error ? error.message : String(error)]);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new ConfigError(path, [error instanceof Error ? error.message : String(error)]);
  }
  return parseAgentConfig(value, path, dirname(resolve(path)));
}

/** Checks a configuration. All problems are told at once. Throws ConfigError. */
export function parseAgentConfig(value: unknown, source: string, folder = process.cwd()): AgentConfig {
  const parsed = schema.safeParse(value ?? {});
  if (!parsed.success) {
    throw new ConfigError(
      source,
      parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`),
    );
  }
  const config = parsed.data;
  if (config.slots !== undefined && config.gpuSlots !== undefined)
    throw new ConfigError(source, ['slots and gpuSlots: give one of them']);
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(folder, path));
  const token = readToken(config, absolute, source);
  return deepFreeze({
    ...config,
    dataDir: absolute(config.dataDir),
    ...(token === undefined ? {} : { token }),
    ...(config.tls === undefined ? {} : { tls: absoluteTls(config.tls, absolute) }),
    mounts: Object.fromEntries(
      Object.entries(config.mounts).map(([share, mount]) => [
        share,
        mount.localPath === undefined ? mount : { ...mount, localPath: absolute(mount.localPath) },
      ]),
    ),
  });
}

function absoluteTls(
  tls: NonNullable<AgentConfig['tls']>,
  absolute: (path: string) => string,
): NonNullable<AgentConfig['tls']> {
  const { ca, cert, key } = tls;
  return {
    ...tls,
    ...(ca === undefined ? {} : { ca: absolute(ca) }),
    ...(cert === undefined ? {} : { cert: absolute(cert) }),
    ...(key === undefined ? {} : { key: absolute(key) }),
  };
}

function readToken(
  { token, tokenFile }: Pick<AgentConfig, 'token' | 'tokenFile'>,
  absolute: (path: string) => string,
  source: string,
): string | undefined {
  if (tokenFile === undefined) return token;
  if (token !== undefined) throw new ConfigError(source, ['token and tokenFile: give one of them']);
  try {
    return readFileSync(absolute(tokenFile), 'utf8').trim();
  } catch (error) {
    throw new ConfigError(source, [`tokenFile: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function slotsSum(slots: readonly number[]): number {
  return slots.reduce((sum, one) => sum + one, 0);
}

function bytesOf(value: number | string): number {
  if (typeof value === 'number') return value;
  const powers: Readonly<Record<string, number>> = { MiB: 2, GiB: 3, TiB: 4 };
  return Math.round(Number.parseFloat(value) * 1024 ** (powers[value.slice(-3)] ?? 0));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
