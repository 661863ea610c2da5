import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { findContradictions } from './config-contradictions.ts';
import { farmSettings } from './config-farm.ts';
import { type Flags, parseFlags } from './config-flags.ts';
import { given } from './config-given.ts';
import { type SettingName, type Settings, settingsSchema } from './config-schema.ts';
import { type StoreConfig, storeConfig } from './config-store.ts';
import type { FieldViolation } from './domain/errors.ts';
import type { BigQueryConfig, CatalogFolderSettings, FarmSettings } from './domain/settings.ts';

/** PEM texts. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

/** All that the controller runs on; nothing of it changes while it runs. */
export interface ControllerConfig {
  readonly farm: FarmSettings;
  /** gRPC addresses, `host:port`. */
  readonly listen: readonly string[];
  /** Where others are told that this controller is reached; absent: where it listens. */
  readonly advertise?: readonly string[];
  /** The HTTP API; absent: not served. */
  readonly web?: { readonly listen: readonly string[]; readonly origins: readonly string[] };
  readonly tls?: TlsTexts;
  readonly token?: string;
  readonly store: StoreConfig;
  readonly history: HistoryConfig;
  readonly logsDir: string;
  readonly logs: { readonly keepDays: number; readonly keepBytes: number };
  readonly catalogFile?: string;
  readonly catalogFolder?: CatalogFolderSettings;
  readonly bigQuery?: BigQueryConfig;
  readonly users: Readonly<Record<string, string>>;
  readonly supabase?: SupabaseConfig;
}

/** How much is kept of what has ended. */
export interface HistoryConfig {
  readonly keepMs: number;
  readonly rowsMax: number;
}

export interface SupabaseConfig {
  readonly url: string;
  /** The service role's. */
  readonly key: string;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  /** Jobs are written into the studio's tables. */
  readonly mirror?: {
    readonly requestMs: number;
    readonly cancelledEveryMs: number;
    readonly history: 'own' | 'supabase';
  };
  /** Queued rows are taken by themselves. */
  readonly poll?: { readonly everyMs: number; readonly pageRows: number };
}

/** The configuration cannot be used; the message names every problem. */
export class ConfigError extends Error {
  readonly code = 'INVALID_CONFIG';
  readonly problems: readonly FieldViolation[];

  constructor(problems: readonly FieldViolation[]) {
    const lines = problems.map(({ field, description }) => `  ${field}: ${description}`);
    super(
      `The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${lines.join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads the configuration: the YAML file, then flags over it, then the token of the environment.
 * @param world what the main file takes from its process
 * @returns `help` when that is all that was asked for
 * @throws ConfigError with every problem at once
 */
export function readConfig(world: {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths in flags begin here; those in the file begin at the file's folder. */
  readonly folder: string;
}): ControllerConfig | 'help' {
  const flags = flagsOf(world.argv, world.folder);
  if (flags.help) return 'help';
  const fromEnvironment = world.env['FARM_CONFIG'];
  const file = flags.configFile ?? (fromEnvironment && resolve(world.folder, fromEnvironment));
  const problems: FieldViolation[] = [];
  const raw = overridden(file === undefined ? {} : readYaml(file, problems), flags, world.env['FARM_TOKEN']);
  const settings = parseSettings(raw, problems);
  const read = fileReader(file === undefined ? world.folder : dirname(file), problems);
  const tls = settings.tls === undefined ? undefined : readTls(settings.tls, read);
  const token = settings.token ?? (settings.tokenFile && tokenIn(settings.tokenFile, read, problems));
  const defaultFile = join(settings.dataDir ?? '', 'farm.sqlite');
  const store = settings.store && storeConfig(settings.store, defaultFile, read, world.env);
  const supabase = settings.supabase && supabaseConfig(settings.supabase, read, world.env, problems);
  problems.push(...findContradictions(settings));
  if (file === undefined && problems.length > 0) {
    problems.unshift({
      field: 'command line',
      description: 'no file was named: --config FILE, or FARM_CONFIG',
    });
  }
  if (problems.length > 0 || store === undefined) throw new ConfigError(problems);
  return deepFreeze(assemble(settings as Settings, read.at, { tls, token, store, supabase }));
}

function flagsOf(argv: readonly string[], folder: string): Flags {
  try {
    return parseFlags(argv, folder);
  } catch (error) {
    throw new ConfigError([{ field: 'command line', description: messageOf(error) }]);
  }
}

type Raw = Readonly<Record<string, unknown>>;

function readYaml(file: string, problems: FieldViolation[]): Raw {
  try {
    const document = parseDocument(readFileSync(file, 'utf8'));
    problems.push(...document.errors.map((error) => ({ field: file, description: error.message })));
    const value: unknown = document.errors.length > 0 ? {} : (document.toJS() ?? {});
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Raw;
    problems.push({ field: file, description: 'must be a list of settings with their values' });
  } catch (error) {
    problems.push({ field: file, description: messageOf(error) });
  }
  return {};
}

function overridden(raw: Raw, flags: Flags, token: string | undefined): Raw {
  const merged: Record<string, unknown> = { ...raw, ...flags.settings };
  if (Object.keys(flags.tls).length > 0)
    merged['tls'] = { ...(raw['tls'] as object | undefined), ...flags.tls };
  if (token !== undefined && token !== '') {
    merged['token'] = token;
    delete merged['tokenFile'];
  }
  return merged;
}

/** Each setting by itself, so that one that is wrong hides no other. */
function parseSettings(raw: Raw, problems: FieldViolation[]): Partial<Settings> {
  const parsed: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(settingsSchema.shape)) {
    const result = schema.safeParse(raw[name]);
    if (result.success) parsed[name as SettingName] = result.data;
    else problems.push(...result.error.issues.flatMap((issue) => violations(name, issue)));
  }
  for (const name of Object.keys(raw)) {
    if (!(name in settingsSchema.shape)) problems.push({ field: name, description: 'is not a setting' });
  }
  return parsed;
}

function violations(name: string, issue: z.core.$ZodIssue): readonly FieldViolation[] {
  const field =
    name + issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: `${field}.${key}`, description: 'is not a setting' }));
  }
  const missing = issue.code === 'invalid_type' && issue.message.includes('received undefined');
  return [{ field, description: missing ? 'is missing' : issue.message }];
}

/** Reads files that settings name; a file that cannot be read is one more problem. */
interface FileReader {
  (field: string, path: string): string;
  readonly at: (path: string) => string;
}

function fileReader(folder: string, problems: FieldViolation[]): FileReader {
  const at = (path: string): string => resolve(folder, path);
  const read = (field: string, path: string): string => {
    try {
      return readFileSync(at(path), 'utf8');
    } catch (error) {
      problems.push({ field, description: messageOf(error) });
      return '';
    }
  };
  return Object.assign(read, { at });
}

function readTls(tls: NonNullable<Settings['tls']>, read: FileReader): TlsTexts {
  return {
    cert: read('tls.cert', tls.cert),
    key: read('tls.key', tls.key),
    ...(tls.ca !== undefined && { ca: read('tls.ca', tls.ca) }),
  };
}

function tokenIn(file: string, read: FileReader, problems: FieldViolation[]): string | undefined {
  const before = problems.length;
  const token = settingsSchema.shape.token.safeParse(read('tokenFile', file).trim());
  if (token.success) return token.data;
  if (problems.length === before)
    problems.push(...token.error.issues.flatMap((issue) => violations('tokenFile', issue)));
  return undefined;
}

function supabaseConfig(
  { keyFile, ...settings }: NonNullable<Settings['supabase']>,
  read: FileReader,
  env: Readonly<Record<string, string | undefined>>,
  problems: FieldViolation[],
): SupabaseConfig {
  const key = (env['FARM_SUPABASE_KEY'] ?? (keyFile && read('supabase.keyFile', keyFile)) ?? '').trim();
  // A header of every request: what has no place in one would fail each of them.
  if (!/^[\x21-\x7e]{1,4096}$/u.test(key)) {
    problems.push({
      field: 'supabase.keyFile',
      description: 'must name the file of the key, one line without spaces; or give it in FARM_SUPABASE_KEY',
    });
  }
  return given({ ...settings, key });
}

/** What was read from files that settings name. */
interface Secrets {
  readonly tls: TlsTexts | undefined;
  readonly token: string | undefined;
  readonly store: StoreConfig;
  readonly supabase: SupabaseConfig | undefined;
}

function assemble(
  settings: Settings,
  at: (path: string) => string,
  { tls, token, store, supabase }: Secrets,
): ControllerConfig {
  return {
    farm: farmSettings(settings),
    listen: settings.listen,
    ...(settings.advertise !== undefined && { advertise: settings.advertise }),
    ...(settings.web !== undefined && { web: settings.web }),
    ...(tls !== undefined && { tls }),
    ...(token !== undefined && { token }),
    store,
    history: {
      keepMs: settings.history.keepDays * 86_400_000,
      rowsMax: settings.history.rowsMax ?? (store.kind === 'redis' ? 20_000 : 200_000),
    },
    logsDir: at(settings.logsDir),
    logs: settings.logs,
    ...(settings.catalogFile !== undefined && { catalogFile: at(settings.catalogFile) }),
    ...(settings.catalogFolder !== undefined && {
      catalogFolder: { ...settings.catalogFolder, path: at(settings.catalogFolder.path) },
    }),
    ...(settings.bigQuery !== undefined && { bigQuery: bigQuerySettings(settings.bigQuery, at) }),
    users: settings.users,
    ...(supabase !== undefined && { supabase }),
  };
}

function bigQuerySettings(
  { keyFile, ...settings }: NonNullable<Settings['bigQuery']>,
  at: (path: string) => string,
): BigQueryConfig {
  return given({ ...settings, keyFile: keyFile === undefined ? undefined : at(keyFile) });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
