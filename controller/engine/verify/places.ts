import type { ItemDraft } from '../../domain/job-draft.ts';
import { pathFault } from '../../domain/path-rules.ts';
import type { ShareSettings } from '../../domain/settings.ts';
import { sourceShareOf } from '../../domain/shares.ts';
import { jobLimits } from '../../domain/validate.ts';
import type { CatalogAnswer } from '../ports.ts';
import type { Fault } from '../verification.ts';
import type { WantedFile } from './file-desk.ts';

/** Where an item's files are, as far as the job and the catalogue say. */
export interface ItemPlaces {
  /** Shown to people; it may be anything where there are faults. */
  readonly path?: string;
  /** Those that may be asked for: in a source share, and nowhere else. */
  readonly source?: WantedFile;
  readonly logo?: WantedFile;
  readonly faults: readonly Fault[];
  /** The catalogue could not be asked. */
  readonly unknown?: string;
}

/** What an item's ids and paths come down to. Nothing outside of the source shares gets beyond this. */
export function placesOf(
  item: ItemDraft,
  catalog: CatalogAnswer,
  shares: readonly ShareSettings[],
): ItemPlaces {
  // What is beyond the limits is refused unread.
  if (item.encodedBytes > jobLimits.itemBytesMax) return { faults: [] };
  const logo = item.itemType === 'video' && item.logoPath !== '' ? wanted(item.logoPath, shares) : undefined;
  const place = item.videoId === '' ? ofPath(item.path, shares) : ofVideo(item.videoId, catalog, shares);
  return { ...place, ...(logo && { logo }) };
}

/** What is wrong with a path that was given is among the violations of the job. */
function ofPath(path: string, shares: readonly ShareSettings[]): ItemPlaces {
  if (path === '') return { faults: [] };
  const source = wanted(path, shares);
  return { path, faults: [], ...(source && { source }) };
}

function ofVideo(videoId: string, catalog: CatalogAnswer, shares: readonly ShareSettings[]): ItemPlaces {
  const field = 'video_id';
  if ('away' in catalog) return { faults: [], unknown: catalog.away };
  const path = catalog.paths.get(videoId);
  if (path === undefined) {
    const message = `Video ID ${videoId} not found in the catalogue`;
    return { faults: [{ field, code: 'UNKNOWN_VIDEO_ID', message }] };
  }
  const fault = pathFault(path);
  if (fault !== undefined) {
    const message = `the catalogue's path ${path} ${fault}`;
    return { path, faults: [{ field, code: 'PATH_MALFORMED', message }] };
  }
  const source = wanted(path, shares);
  if (source !== undefined) return { path: source.path, source, faults: [] };
  const message = `the catalogue's path ${path} must lie in a source share of this farm`;
  return { path, faults: [{ field, code: 'PATH_OUTSIDE_SHARES', message }] };
}

function wanted(path: string, shares: readonly ShareSettings[]): WantedFile | undefined {
  if (pathFault(path) !== undefined) return undefined;
  const share = sourceShareOf(path, shares)?.name;
  return share === undefined ? undefined : { path, share };
}
