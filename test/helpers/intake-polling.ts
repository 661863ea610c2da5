import { IntakePoll } from '../../controller/directory/intake-poll.ts';
import { IntakeClaims, IntakeRows } from '../../controller/directory/intake-table.ts';
import { TakingFarm } from './intake-farm.ts';
import { rowId, type StudioTables } from './studio-tables.ts';

const never = new AbortController().signal;

export interface Polling {
  readonly farm?: TakingFarm;
  readonly claimant?: string;
  readonly timeoutMs?: number;
  readonly nowMs?: () => number;
}

/** One leadership's rounds over these tables. */
export function polling(tables: StudioTables, options: Polling = {}) {
  const { farm = new TakingFarm(), claimant = 'north', timeoutMs = 5_000, nowMs = () => 1_000 } = options;
  const access = { ...tables.access, timeoutMs };
  const logged: string[] = [];
  const log = {
    info: (_fields: object, message: string) => logged.push(message),
    warn: (_fields: object, message: string) => logged.push(message),
  };
  const poll = new IntakePoll({
    ...{ farm, log, pageRows: 3, stopping: never },
    rows: new IntakeRows(access),
    claims: new IntakeClaims(access, claimant),
    rules: { isInSourceShare: (path) => path.startsWith('\\\\nas\\Clips\\'), nowMs },
  });
  return { farm, logged, poll, round: () => poll.round(never) };
}

export async function claimantOf(tables: StudioTables, n: number): Promise<unknown> {
  return (await tables.row(rowId(n)))['claimed_by'];
}
