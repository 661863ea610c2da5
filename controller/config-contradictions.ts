import type { Settings } from './config-schema.ts';
import { storeContradictions } from './config-store.ts';
import type { FieldViolation } from './domain/errors.ts';
import { sourceShareOf } from './domain/shares.ts';
import { defaultTimes, type TimeName, type Times } from './domain/times.ts';

/** Settings that are right by themselves and wrong together. Looks at those that could be read, and only at those. */
export function findContradictions(settings: Partial<Settings>): readonly FieldViolation[] {
  return [
    ...repeated('shares', settings.shares),
    ...repeated('queues', settings.queues),
    ...rootsTwice(settings),
    ...outputShare(settings),
    ...unknownQueues(settings),
    ...timeOrder(settings),
    ...queueRuns(settings),
    ...storeContradictions(settings.store),
    ...catalogs(settings),
    ...unnamedFarm(settings),
    ...pollWithoutMirror(settings),
    ...(settings.token !== undefined && settings.tokenFile !== undefined
      ? [{ field: 'tokenFile', description: 'cannot stand beside token' }]
      : []),
  ];
}

/** Rows of the studio's tables belong to a farm by its name: two with the default one would take each other's. */
function unnamedFarm({ supabase, farm, shadow }: Partial<Settings>): readonly FieldViolation[] {
  const claiming = (['poll', 'mirror'] as const).find((field) => supabase?.[field] !== undefined);
  if (claiming === undefined || farm !== 'farm' || shadow === true) return [];
  return [
    { field: 'farm', description: `must be a name of its own: supabase.${claiming} claims rows by it` },
  ];
}

/** Rows that nobody writes stay queued: they would be rendered again when the farm has forgotten them. */
function pollWithoutMirror({ supabase, shadow }: Partial<Settings>): readonly FieldViolation[] {
  if (supabase?.poll === undefined || supabase.mirror !== undefined || shadow === true) return [];
  return [
    { field: 'supabase.poll', description: 'needs supabase.mirror: rows that are taken would stay queued' },
  ];
}

function repeated(
  list: string,
  entries: readonly { readonly name: string }[] = [],
): readonly FieldViolation[] {
  return entries.flatMap(({ name }, index) =>
    entries.findIndex((other) => other.name === name) < index
      ? [{ field: `${list}[${index}].name`, description: `${name} is there already` }]
      : [],
  );
}

/** A path must lie on one share: which one may not depend on the order of the list. */
function rootsTwice({ shares = [] }: Partial<Settings>): readonly FieldViolation[] {
  const owners = new Map<string, string>();
  return shares.flatMap((share, index) =>
    share.roots.flatMap((root, rootIndex) => {
      const owner = owners.get(root.toLowerCase());
      owners.set(root.toLowerCase(), share.name);
      const field = `shares[${index}].roots[${rootIndex}]`;
      return owner === undefined ? [] : [{ field, description: `${root} is a root of ${owner} already` }];
    }),
  );
}

function catalogs(settings: Partial<Settings>): readonly FieldViolation[] {
  const given = (['catalogFile', 'catalogFolder', 'bigQuery'] as const).filter(
    (field) => settings[field] !== undefined,
  );
  const { shares, catalogFolder } = settings;
  const isOutside =
    shares !== undefined &&
    catalogFolder !== undefined &&
    sourceShareOf(`${catalogFolder.root}\\x`, shares) === undefined;
  return [
    ...given.slice(1).map((field) => ({ field, description: `cannot stand beside ${given[0]}` })),
    ...(isOutside
      ? [{ field: 'catalogFolder.root', description: 'must lie in a share whose role is source' }]
      : []),
  ];
}

function outputShare({ shares, output }: Partial<Settings>): readonly FieldViolation[] {
  if (shares === undefined || output === undefined) return [];
  const share = shares.find(({ name }) => name === output.share);
  if (share?.role === 'output') return [];
  const description =
    share === undefined ? `there is no share ${output.share}` : `${share.name} has the role source`;
  return [{ field: 'output.share', description }];
}

function unknownQueues({ queues, routing }: Partial<Settings>): readonly FieldViolation[] {
  if (queues === undefined || typeof routing !== 'object') return [];
  const names = new Set(queues.map(({ name }) => name));
  const used = [
    ...routing.rules.map(({ queue }, index) => ({ field: `routing.rules[${index}].queue`, queue })),
    { field: 'routing.defaultQueue', queue: routing.defaultQueue },
  ];
  return used
    .filter(({ queue }) => !names.has(queue))
    .map(({ field, queue }) => ({ field, description: `there is no queue ${queue}` }));
}

/** Times that build on each other: each must be less than the next. */
const rising: readonly (readonly TimeName[])[] = [
  ['heartbeatMs', 'suspectMs', 'leaseMs'],
  ['progressMinMs', 'progressMaxMs'],
  ['softRunMs', 'hardRunMs'],
  ['retryMinMs', 'retryMaxMs'],
  ['publishRetryMinMs', 'publishRetryMaxMs'],
  ['deliveryRetryMinMs', 'deliveryRetryMaxMs'],
  ['catalogRetryMinMs', 'catalogRetryMaxMs'],
  ['leadershipRenewMs', 'leadershipGraceMs', 'leadershipTtlMs'],
];

function timeOrder({ times }: Partial<Settings>): readonly FieldViolation[] {
  if (times === undefined) return [];
  const all = { ...defaultTimes, ...times } as Times;
  return rising.flatMap((names) =>
    names.slice(1).flatMap((name, index) => {
      const before = names[index];
      if (before === undefined || all[before] < all[name]) return [];
      return [
        { field: `times.${name}`, description: `must be more than times.${before} (${all[before]} ms)` },
      ];
    }),
  );
}

function queueRuns({ queues = [], times }: Partial<Settings>): readonly FieldViolation[] {
  return queues.flatMap((queue, index) => {
    const soft = queue.softRunMs ?? times?.['softRunMs'] ?? defaultTimes.softRunMs;
    const hard = queue.hardRunMs ?? times?.['hardRunMs'] ?? defaultTimes.hardRunMs;
    if (soft < hard) return [];
    return [
      { field: `queues[${index}].hardRunMs`, description: `must be more than its softRunMs (${soft} ms)` },
    ];
  });
}
