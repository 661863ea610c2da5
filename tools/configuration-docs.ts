import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { settingsSchema } from '../controller/config-schema.ts';
import { defaultTimes, timeNames } from '../controller/domain/times.ts';
import { repositoryFolder } from './checks.ts';

export const configurationDocument = 'docs/configuration.md';

/** What a JSON Schema says of one setting, as far as the document shows it. */
interface Schema {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
}

/** The document of the controller's configuration, made from the schema that reads it. */
export function configurationText(): string {
  const schema = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }) as Schema;
  return [
    '# Configuration of the controller',
    '',
    'Made by `npm run gen:docs` from `controller/config-schema.ts` and `controller/domain/times.ts`: change those.',
    '',
    'One YAML file, named by `--config`. Flags win over the file; `FARM_TOKEN` wins over `token` and',
    '`tokenFile`. Relative paths begin at the folder of the file, those of flags at the current one. Every problem of',
    'a configuration is reported at once.',
    '',
    '## Environment',
    '',
    '| variable | stands for |',
    '| --- | --- |',
    '| `FARM_CONFIG` | the flag `--config` of the controller |',
    '| `FARM_TOKEN` | the setting `token` |',
    '| `FARM_SUPABASE_KEY` | what `supabase.keyFile` would hold |',
    '| `FARM_REDIS_PASSWORD` | what `store.passwordFile` would hold |',
    '| `FARM_REDIS_SENTINEL_PASSWORD` | what `store.sentinel.passwordFile` would hold |',
    '| `FARM_AGENT_CONFIG` | the flag `--config` of an agent |',
    '| `FARM_LOG_LEVEL` | how much the controller writes to its own log: `debug`, `info` (default), `warn`, `error` |',
    '',
    '## Settings',
    '',
    '| setting | kind | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rowsOf(schema, ''),
    '',
    '## Time limits',
    '',
    'Below `times`, in milliseconds, all multiplied by `timeScale`. Scaling never goes below what Redis and FFmpeg',
    'themselves need (a stall of FFmpeg 15 s, a leadership on Redis 2 s).',
    '',
    '| time | default | meaning |',
    '| --- | ---: | --- |',
    ...timeRows(),
    '',
  ].join('\n');
}

function rowsOf(schema: Schema, prefix: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, setting]) => {
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) ?? false;
    const row = `| \`${path}\` | ${kindOf(setting)} | ${defaultOf(setting, required)} | ${setting.description ?? ''} |`;
    if (path === 'times') return [row];
    const inside = [setting, ...(setting.anyOf ?? [])].flatMap((each) => [
      ...rowsOf(each, `${path}.`),
      ...(each.items === undefined ? [] : rowsOf(each.items, `${path}[].`)),
    ]);
    return [row, ...inside];
  });
}

function kindOf(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(kindOf).join(' or ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'values' : kindOf(schema.items)}`;
  if (schema.type === 'object') return schema.properties === undefined ? 'names with values' : 'settings';
  return schema.type ?? 'text';
}

function defaultOf(schema: Schema, required: boolean): string {
  if (schema.default === undefined) return required ? 'required' : '';
  if (JSON.stringify(schema.default) === '{}') return '';
  return `\`${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}\``;
}

/** The comment above each time is its meaning: one fact, one place. */
function timeRows(): readonly string[] {
  const source = readFileSync(join(repositoryFolder, 'controller', 'domain', 'times.ts'), 'utf8');
  return timeNames.map((name) => {
    const meaning = new RegExp(`/\\*\\* (.*) \\*/\\n  ${name}:`, 'u').exec(source)?.[1];
    if (meaning === undefined) throw new Error(`${name} has no comment that says what it means`);
    return `| \`${name}\` | ${defaultTimes[name]} | ${meaning} |`;
  });
}

if (import.meta.main) {
  writeFileSync(join(repositoryFolder, configurationDocument), configurationText());
  process.stdout.write(`Wrote ${configurationDocument}\n`);
}
