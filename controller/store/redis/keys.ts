import type { PastTable } from '../past-rows.ts';

/** The keys of one farm. The braces are a hash tag: on a Cluster all of them lie in one slot, as scripts require. */
export interface FarmKeys {
  /** Hash: schema, farm id, epoch, newest other epoch, addresses, last batch and its epoch. */
  readonly farm: string;
  /** The leader's id, with a time to live. */
  readonly lease: string;
  /** Hash: a record's kind and id to its version and body. */
  readonly records: string;
  /** What a rewrite has collected so far, as `records`. */
  readonly staged: string;
}

/** Changes with the meaning of what the keys hold. */
export const schemaVersion = 1;

/** The keys of one table of the past; they lie in the farm's slot. */
export interface PastKeys {
  /** Sorted set: job ids by the time of their end. */
  readonly order: string;
  /** Hashes by job id: what a row is found by, what lists need of it, and the rest. */
  readonly facts: string;
  readonly summaries: string;
  readonly details: string;
}

export function pastKeys(prefix: string, farmName: string, table: PastTable): PastKeys {
  const start = `{${prefix}:${farmName}}:past:${table}`;
  return {
    order: `${start}:order`,
    facts: `${start}:facts`,
    summaries: `${start}:summaries`,
    details: `${start}:details`,
  };
}

export function farmKeys(prefix: string, farmName: string): FarmKeys {
  const tag = `{${prefix}:${farmName}}`;
  return {
    farm: `${tag}:farm`,
    lease: `${tag}:lease`,
    records: `${tag}:records`,
    staged: `${tag}:staged`,
  };
}
