import type { ResolvedItem } from '../proto/agent-link.ts';
import { type Catalog, CatalogUnavailable } from './catalog/catalog.ts';
import type { Directory } from './directory/directory.ts';
import { FarmError, type FieldViolation } from './domain/errors.ts';
import type { ItemSpec, JobSpec } from './domain/job.ts';
import type { ShareSettings } from './domain/settings.ts';
import { sourceShareOf } from './domain/shares.ts';
import { violationText } from './domain/validate.ts';
import type { Clock, JobResolver } from './engine/ports.ts';

/** Problems that a message names; all of them are in the violations. */
const namedMax = 5;

/** Asks the catalogue once for all of a job's video ids, and the directory for the user's name. */
export function jobResolver(world: {
  readonly catalog: Catalog;
  readonly directory: Directory;
  readonly shares: readonly ShareSettings[];
  readonly clock: Clock;
}): JobResolver {
  return async (spec, signal) => {
    const ids = [...new Set(spec.items.flatMap((item) => item.videoId ?? []))];
    const [{ found, queryMs }, username] = await Promise.all([
      ids.length === 0 ? nothingAsked : asked(world.catalog, ids, signal),
      world.directory.username(spec.userId, signal),
    ]);
    const paths = new Map([...found].map(([id, entry]) => [id, entry.path]));
    refuseUnknown(spec, paths);
    const resolved = inOrder(spec).map((item) => resolveItem(item, paths));
    refuseOutside(spec, paths, world.shares);
    refuseTooLarge(resolved);
    return {
      username,
      resolved,
      resolution: { queryMs, found: found.size, missing: [], resolvedAtMs: world.clock.nowMs() },
      shares: sharesOf(resolved, world.shares),
    };
  };
}

async function asked(
  catalog: Catalog,
  ids: readonly string[],
  signal: AbortSignal,
): ReturnType<Catalog['resolve']> {
  try {
    return await catalog.resolve(ids, signal);
  } catch (cause) {
    if (!(cause instanceof CatalogUnavailable)) throw cause;
    throw new FarmError('CATALOG_UNAVAILABLE', cause.message, { cause, retryAfterMs: 5_000 });
  }
}

const nothingAsked = { found: new Map<string, { readonly path: string }>(), queryMs: 0 };

/** `video_id` wins: an unknown id is an error even where a path is given (mission.md section 1). */
function refuseUnknown(spec: JobSpec, paths: ReadonlyMap<string, string>): void {
  const violations = spec.items.flatMap((item, index) =>
    item.videoId === undefined || paths.has(item.videoId)
      ? []
      : {
          field: `items[${index}].video_id`,
          description: `Video ID ${item.videoId} not found in the catalogue`,
        },
  );
  refuse('UNKNOWN_VIDEO_ID', violations);
}

/**
 * Catalogue paths can be longer than the ids that were submitted, and an Assign has to fit one message of 1 MiB
 * (protocol.md rule 10).
 */
const resolvedBytesMax = 960 * 1024;
/** Numbers, tags and lengths of an item on the wire, generously. */
const itemOverheadBytes = 48;

function refuseTooLarge(items: readonly ResolvedItem[]): void {
  const bytes = items.reduce((sum, item) => sum + itemOverheadBytes + textBytes(item), 0);
  if (bytes <= resolvedBytesMax) return;
  throw new FarmError(
    'JOB_TOO_LARGE',
    `the job has ${bytes} bytes with the catalogue's paths; an assignment may have at most ${resolvedBytesMax}`,
  );
}

function textBytes({ videoId, path, title, logoPath, text }: ResolvedItem): number {
  return [videoId, path, title, logoPath, text].reduce((sum, part) => sum + Buffer.byteLength(part ?? ''), 0);
}

/** What the catalogue says is believed no more than what a client says. */
function refuseOutside(
  spec: JobSpec,
  paths: ReadonlyMap<string, string>,
  shares: readonly ShareSettings[],
): void {
  const violations = spec.items.flatMap((item, index) => {
    const path = item.videoId === undefined ? undefined : paths.get(item.videoId);
    if (path === undefined || sourceShareOf(path, shares) !== undefined) return [];
    return {
      field: `items[${index}].video_id`,
      description: `the catalogue's path ${path} must lie in a source share of this farm`,
    };
  });
  refuse('INVALID_JOB', violations);
}

function refuse(code: 'UNKNOWN_VIDEO_ID' | 'INVALID_JOB', violations: readonly FieldViolation[]): void {
  if (violations.length === 0) return;
  const named = violations.slice(0, namedMax).map(violationText).join('; ');
  const more = violations.length > namedMax ? `; and ${violations.length - namedMax} more` : '';
  throw new FarmError(code, `${named}${more}`, { violations });
}

function inOrder(spec: JobSpec): readonly ItemSpec[] {
  return [...spec.items].sort((a, b) => a.position - b.position);
}

function resolveItem(item: ItemSpec, paths: ReadonlyMap<string, string>): ResolvedItem {
  const { position, itemType, videoId, title, logoPath, durationMs, text, normalizeLoudness } = item;
  return {
    position,
    itemType,
    path: (videoId === undefined ? item.path : paths.get(videoId)) ?? '',
    ...(videoId !== undefined && { videoId }),
    ...(title !== undefined && { title }),
    ...(logoPath !== undefined && { logoPath }),
    ...(durationMs !== undefined && { durationMs }),
    ...(text !== undefined && { text }),
    ...(normalizeLoudness && { normalizeLoudness }),
  };
}

function sharesOf(items: readonly ResolvedItem[], shares: readonly ShareSettings[]): readonly string[] {
  const names = items
    .flatMap((item) => [item.path, item.logoPath ?? ''])
    .flatMap((path) => sourceShareOf(path, shares)?.name ?? []);
  return [...new Set(names)];
}
