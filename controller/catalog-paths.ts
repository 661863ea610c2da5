import { type Catalog, CatalogUnavailable } from './catalog/catalog.ts';
import type { PathLookUp } from './engine/ports.ts';

/** Asks the catalogue where videos are, for jobs that are only verified: one that is away is an answer like another. */
export function catalogPaths(catalog: Catalog): PathLookUp {
  return async (videoIds, signal) => {
    try {
      const { found } = await catalog.resolve(videoIds, signal);
      return { paths: new Map([...found].map(([id, { path }]) => [id, path])) };
    } catch (error) {
      if (error instanceof CatalogUnavailable) return { away: error.message };
      throw error;
    }
  };
}
