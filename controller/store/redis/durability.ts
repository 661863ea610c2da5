import type { Durability } from '../port.ts';

/** What the Redis says about itself; undefined: it does not say (managed ones forbid CONFIG). */
export interface RedisFacts {
  /** Texts by name, of INFO. */
  readonly info: ReadonlyMap<string, string> | undefined;
  /** Texts by name, of CONFIG GET. */
  readonly config: ReadonlyMap<string, string> | undefined;
  /** Somebody may make another one the master. */
  readonly failsOver: boolean;
}

/** Settings that decide whether a commit survives. */
export const durabilitySettings = [
  'appendonly',
  'appendfsync',
  'no-appendfsync-on-rewrite',
  'min-replicas-to-write',
  'save',
  'maxmemory',
  'maxmemory-policy',
] as const;

/** The policy with which the Redis never throws records away; undefined: unknown. */
export function evictionPolicy({ info, config }: RedisFacts): string | undefined {
  return config?.get('maxmemory-policy') ?? info?.get('maxmemory_policy');
}

/** Says what is really configured, and how an acknowledged job could be lost by it. */
export function judgeDurability(facts: RedisFacts): Durability {
  const { info } = facts;
  const setting = (name: (typeof durabilitySettings)[number]) => facts.config?.get(name) ?? 'unknown';
  const appendonly = facts.config?.get('appendonly') ?? yesNo(info?.get('aof_enabled'));
  const words = [
    `Redis ${info?.get('redis_version') ?? 'of unknown version'}`,
    `role ${info?.get('role') ?? 'unknown'}`,
    `appendonly ${appendonly ?? 'unknown'}`,
    `appendfsync ${setting('appendfsync')}`,
    `min-replicas-to-write ${setting('min-replicas-to-write')}`,
    `replicas ${info?.get('connected_slaves') ?? 'unknown'}`,
    `save "${setting('save')}"`,
    `maxmemory ${setting('maxmemory')}`,
    `maxmemory-policy ${evictionPolicy(facts) ?? 'unknown'}`,
  ];
  const warnings = [...unknowns(facts), ...fileWarnings(facts, appendonly), ...replicaWarnings(facts)];
  return { description: words.join(', '), warnings };
}

function unknowns(facts: RedisFacts): readonly string[] {
  const { info, config } = facts;
  return [
    ...(config === undefined
      ? [
          'CONFIG is forbidden here: whether appendfsync is `always` is not known; ask whoever runs this Redis',
        ]
      : []),
    ...(info === undefined ? ['INFO is forbidden here: role, replicas and persistence are not known'] : []),
    ...(evictionPolicy(facts) === undefined
      ? ['maxmemory-policy is not known: with anything but `noeviction` records can vanish']
      : []),
  ];
}

function fileWarnings({ info, config }: RedisFacts, appendonly: string | undefined): readonly string[] {
  if (appendonly === 'no') {
    const save = config?.get('save');
    const kept = save === '' ? 'everything' : 'what was written since the last snapshot';
    return [`appendonly is off: when Redis ends, ${kept} is lost`];
  }
  const warnings: string[] = [];
  const fsync = config?.get('appendfsync');
  if (fsync === 'everysec') {
    warnings.push('appendfsync is everysec: a power cut loses the last second or two of acknowledged jobs');
  }
  if (fsync === 'no') {
    warnings.push('appendfsync is no: a power cut loses what the system has not written yet, often 30 s');
  }
  if (config?.get('no-appendfsync-on-rewrite') === 'yes') {
    warnings.push('no-appendfsync-on-rewrite is yes: a power cut during a rewrite of the AOF loses its time');
  }
  if (info?.get('aof_last_write_status') === 'err') warnings.push('the last write of the AOF has failed');
  return warnings;
}

function replicaWarnings({ info, config, failsOver }: RedisFacts): readonly string[] {
  const role = info?.get('role');
  const warnings: string[] = [];
  if (role !== undefined && role !== 'master') warnings.push(`this Redis is a ${role}: it takes no writes`);
  if (!failsOver) return warnings;
  const replicas = Number(config?.get('min-replicas-to-write') ?? 0);
  warnings.push(
    'replicas follow without being waited for: a failover can lose the last acknowledged jobs, ' +
      'which come back from the agents that hold them',
  );
  if (replicas === 0) {
    warnings.push(
      'min-replicas-to-write is 0: a master that is cut off from its replicas goes on acknowledging jobs ' +
        'that its successor will not know',
    );
  }
  return warnings;
}

function yesNo(flag: string | undefined): string | undefined {
  if (flag === undefined) return undefined;
  return flag === '1' ? 'yes' : 'no';
}
