import { FarmError } from '../domain/errors.ts';
import type { JobSpec } from '../domain/job.ts';
import type { FarmSettings } from '../domain/settings.ts';
import { CatalogAway, type Clock, type JobResolver, type ResolvedJob } from './ports.ts';

interface ResolvingOptions {
  readonly resolve: JobResolver;
  readonly settings: Pick<FarmSettings, 'limits'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Looks up what jobs come down to before the farm takes them. What is under way is bounded like what waits for its turn. */
export class Resolving {
  readonly #options: ResolvingOptions;
  readonly #over = new AbortController();
  #bytes = 0;

  constructor(options: ResolvingOptions) {
    this.#options = options;
  }

  /** @throws FarmError TOO_MANY_REQUESTS, and what the resolver does */
  async resolve(spec: JobSpec, bytes: number): Promise<ResolvedJob> {
    const { inboxBytesMax } = this.#options.settings.limits;
    if (this.#bytes + bytes > inboxBytesMax) {
      const message = `jobs of ${this.#bytes} bytes are being looked up already`;
      throw new FarmError('TOO_MANY_REQUESTS', message, { retryAfterMs: 500 });
    }
    this.#bytes += bytes;
    try {
      return await this.#options.resolve(spec, this.#over.signal);
    } finally {
      this.#bytes -= bytes;
    }
  }

  /** The same; where the catalogue is away, what is known without it. */
  async resolveOrWait(spec: JobSpec, bytes: number): Promise<ResolvedJob & { readonly awaits?: string }> {
    try {
      return await this.resolve(spec, bytes);
    } catch (error) {
      if (error instanceof CatalogAway) return unresolved(error, this.#options.clock.nowMs());
      throw error;
    }
  }

  /** Gives up what is under way. Idempotent. */
  stop(reason: Error): void {
    this.#over.abort(reason);
  }
}

/** A job that is taken in before anybody knows where its videos are. */
function unresolved(
  { known, message: awaits }: CatalogAway,
  nowMs: number,
): ResolvedJob & { readonly awaits: string } {
  const resolution = { queryMs: 0, found: 0, missing: [], resolvedAtMs: nowMs };
  return { ...known, awaits, resolved: [], resolution };
}
