import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every atomic step, a Lua script each, with how many keys it takes. */
const keyCounts = {
  lead: 2,
  renew: 2,
  resign: 2,
  leader: 2,
  commit: 2,
  stage: 2,
  'take-staged': 3,
  'past-put': 4,
  'past-list': 3,
  'past-expire': 4,
} as const;

export type ScriptName = keyof typeof keyCounts;

/** As ioredis wants them: it sends a script's text once a connection, then its hash, and the text again on NOSCRIPT. */
export function scriptDefinitions(): Record<string, { readonly lua: string; readonly numberOfKeys: number }> {
  return Object.fromEntries(
    Object.entries(keyCounts).map(([name, numberOfKeys]) => [
      commandOf(name as ScriptName),
      { lua: readFileSync(join(import.meta.dirname, 'lua', `${name}.lua`), 'utf8'), numberOfKeys },
    ]),
  );
}

/** What a script is called among ioredis's commands. */
export function commandOf(name: ScriptName): string {
  return `renderfarm:${name}`;
}
