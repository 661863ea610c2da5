import { type Catalog, CatalogUnavailable } from './catalog/catalog.ts';
import type { Directory } from './directory/directory.ts';
import { FarmError } from './domain/errors.ts';
import type { JobSpec } from './domain/job.ts';
import type { ShareSettings } from './domain/settings.ts';
import { CatalogAway, type Clock, type JobResolver, type LookedUp, type LookUp } from './engine/ports.ts';
import { resolvePaths, sharesOf } from './resolve-paths.ts';

export interface ResolverWorld {
  readonly catalog: Catalog;
  readonly directory: Directory;
  readonly shares: readonly ShareSettings[];
  readonly clock: Clock;
}

/** Asks the catalogue once for all of a job's video ids, and the directory for the user's name. */
export function jobResolver({ catalog, directory, shares, clock }: ResolverWorld): JobResolver {
  return async (spec, signal) => {
    const ids = idsOf([spec]);
    const [answer, username] = await Promise.all([
      ids.length === 0 ? nothingAsked : orAway(catalog.resolve(ids, signal)),
      directory.username(spec.userId, signal),
    ]);
    if (answer instanceof CatalogUnavailable) {
      throw new CatalogAway(answer.message, { username, shares: sharesOf(spec.items, shares) }, answer);
    }
    return { username, ...resolvePaths(spec, { ...answer, label: catalog.label, shares, clock }) };
  };
}

/** Asks it anew, once for the ids of many jobs. */
export function jobsLookUp({ catalog, shares, clock }: Omit<ResolverWorld, 'directory'>): LookUp {
  return async (specs, signal) => {
    const answer = await catalog.resolve(idsOf(specs), signal, 'anew');
    return specs.map((spec): LookedUp => {
      try {
        return { paths: resolvePaths(spec, { ...answer, label: catalog.label, shares, clock }) };
      } catch (error) {
        if (!(error instanceof FarmError)) throw error;
        const { code, message, violations } = error;
        // One word for what is wrong with all of it together.
        const all = violations.length > 0 ? violations : [{ field: 'items', description: message }];
        return { refused: { code, violations: all } };
      }
    });
  };
}

const nothingAsked = { found: new Map<string, { readonly path: string }>(), queryMs: 0 };

function idsOf(specs: readonly JobSpec[]): readonly string[] {
  return [...new Set(specs.flatMap(({ items }) => items.flatMap((item) => item.videoId ?? [])))];
}

async function orAway<T>(asked: Promise<T>): Promise<T | CatalogUnavailable> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CatalogUnavailable) return error;
    throw error;
  }
}
