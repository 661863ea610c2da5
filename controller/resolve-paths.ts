import type { ResolvedItem } from '../proto/agent-link.ts';
import type { CatalogEntry } from './catalog/catalog.ts';
import { FarmError, type FieldViolation } from './domain/errors.ts';
import type { ItemSpec, JobSpec } from './domain/job.ts';
import type { ShareSettings } from './domain/settings.ts';
import { sourceShareOf } from './domain/shares.ts';
import { violationText } from './domain/validate.ts';
import type { Clock, ResolvedJob } from './engine/ports.ts';

/** Problems that a message names; all of them are in the violations. */
const namedMax = 5;

/** What the catalogue has answered, perhaps of other jobs too. */
export interface CatalogAnswer {
  readonly found: ReadonlyMap<string, CatalogEntry>;
  readonly notes?: ReadonlyMap<string, string>;
  readonly queryMs: number;
  readonly label: string | undefined;
  readonly shares: readonly ShareSettings[];
  readonly clock: Clock;
}

/**
 * A job's items with their paths, in their order.
 * @throws FarmError UNKNOWN_VIDEO_ID, INVALID_JOB, JOB_TOO_LARGE: every bad item at once
 */
export function resolvePaths(
  spec: JobSpec,
  { found, notes, queryMs, label, shares, clock }: CatalogAnswer,
): Omit<ResolvedJob, 'username'> {
  const ids = new Set(spec.items.flatMap((item) => item.videoId ?? []));
  const paths = new Map([...ids].flatMap((id) => pathOf(id, found)));
  refuseUnknown(spec, paths, label, notes);
  const resolved = inOrder(spec).map((item) => resolveItem(item, paths));
  refuseOutside(spec, paths, shares);
  refuseTooLarge(resolved);
  return {
    resolved,
    resolution: { queryMs, found: paths.size, missing: [], resolvedAtMs: clock.nowMs() },
    shares: sharesOf(resolved, shares),
  };
}

function pathOf(
  id: string,
  found: ReadonlyMap<string, CatalogEntry>,
): readonly (readonly [string, string])[] {
  const path = found.get(id)?.path;
  return path === undefined ? [] : [[id, path]];
}

/** `video_id` wins: an unknown id is an error even where a path is given (mission.md section 1). */
function refuseUnknown(
  spec: JobSpec,
  paths: ReadonlyMap<string, string>,
  label = 'the catalogue',
  notes?: ReadonlyMap<string, string>,
): void {
  const violations = spec.items.flatMap(({ videoId }, index) => {
    if (videoId === undefined || paths.has(videoId)) return [];
    const note = notes?.get(videoId);
    const more = note === undefined ? '' : `: ${note}`;
    return {
      field: `items[${index}].video_id`,
      description: `Video ID ${videoId} not found in ${label}${more}`,
    };
  });
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

/** Names of the source shares that paths and logos lie on. */
export function sharesOf(
  items: readonly Pick<ItemSpec, 'path' | 'logoPath'>[],
  shares: readonly ShareSettings[],
): readonly string[] {
  const names = items
    .flatMap((item) => [item.path ?? '', item.logoPath ?? ''])
    .flatMap((path) => sourceShareOf(path, shares)?.name ?? []);
  return [...new Set(names)];
}
