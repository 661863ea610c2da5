import type { JobRecord } from '../../../controller/domain/job.ts';
import type { Published } from '../sim-share.ts';
import { localPath } from '../sim-share.ts';
import type { World } from '../world.ts';
import type { Book, Change, SeenAgent } from './book.ts';

interface Believer {
  readonly key: string;
  readonly folder: string;
}

/**
 * A job is published at most once, by the attempt that was granted it; a grant decides until it is annulled; and never
 * do two agents hold a grant that they could still carry out.
 */
export class PublishBook implements Book {
  readonly #world: World;
  readonly #hasStaging: (folder: string) => boolean;
  /** By job, the checksum of what may be published. */
  readonly #granted = new Map<string, string>();
  /** Grants that a lost tail has forgotten: whoever has one may still carry it out. */
  readonly #forgotten = new Map<string, Set<string>>();
  /** By job, machine and fence. */
  readonly #believers = new Map<string, Map<string, Believer>>();
  /** By job, the checksum of what has its final name. */
  readonly results = new Map<string, string>();

  constructor(world: World, hasStaging: (folder: string) => boolean) {
    this.#world = world;
    this.#hasStaging = hasStaging;
  }

  committed({ upserts }: Change): void {
    for (const { kind, body } of upserts) {
      if (kind !== 'job') continue;
      const { jobId, state, grant } = body as JobRecord;
      if (state === 'publishing' && grant !== undefined) this.#grant(jobId, grant.manifest.sha256);
      else if (state !== 'published' && this.#granted.has(jobId)) this.#takenBack(jobId);
    }
  }

  tailLost(): void {
    for (const [jobId, sha256] of this.#granted)
      this.#forgotten.set(jobId, (this.#forgotten.get(jobId) ?? new Set()).add(sha256));
  }

  published({ path, content, replaced, agentId, volume }: Published): void {
    const [jobId = ''] = content.sha256.split('/');
    this.#world.note('share', () => `${agentId} publishes ${content.sha256} on ${volume}`);
    const before = this.results.get(jobId);
    if (replaced || before !== undefined)
      this.#world.violated(
        'published twice',
        `${path} on ${volume} was ${before ?? 'there'}, now ${content.sha256} by ${agentId}`,
      );
    this.results.set(jobId, content.sha256);
    const granted = this.#granted.get(jobId) ?? 'nothing';
    if (granted !== content.sha256 && this.#forgotten.get(jobId)?.has(content.sha256) !== true)
      this.#world.violated(
        'published without the grant',
        `${content.sha256} by ${agentId}; granted: ${granted}`,
      );
  }

  agentStepped({ options: { machine }, state }: SeenAgent): void {
    for (const [jobId, believers] of this.#believers) {
      for (const of of believers.keys()) if (of.startsWith(`${machine} `)) believers.delete(of);
      if (believers.size === 0) this.#believers.delete(jobId);
    }
    for (const [key, live] of state?.attempts ?? []) {
      const folder = state?.journal.attempts.get(key)?.assign.output.stagingFolder;
      if (live.state !== 'publishing' || folder === undefined) continue;
      this.#believes(live.ref.jobId, `${machine} ${key}`, { key, folder: localPath(folder) });
    }
  }

  #believes(jobId: string, who: string, believer: Believer): void {
    const believers = this.#believers.get(jobId) ?? new Map<string, Believer>();
    this.#believers.set(jobId, believers);
    believers.set(who, believer);
    const able = [...believers.values()].filter(({ folder }) => this.#hasStaging(folder));
    const folders = new Set(able.map(({ folder }) => folder));
    if (folders.size > 1 && !this.#forgotten.has(jobId))
      this.#world.violated('two may publish', `${[...believers.keys()].join(', ')} of job ${jobId}`);
  }

  #grant(jobId: string, sha256: string): void {
    const before = this.#granted.get(jobId) ?? sha256;
    if (before !== sha256 && !this.#forgotten.has(jobId))
      this.#world.violated('a grant decides', `job ${jobId}: ${before} was granted, now ${sha256} is`);
    this.#granted.set(jobId, sha256);
  }

  /** The job is open again: then its file is not there, and its staging folder can no longer be renamed out of. */
  #takenBack(jobId: string): void {
    const granted = this.#granted.get(jobId);
    if (this.results.get(jobId) === granted && granted !== undefined && !this.#forgotten.has(jobId))
      this.#world.violated('a grant decides', `${granted} is published, and its grant was taken back`);
    this.#granted.delete(jobId);
  }
}
