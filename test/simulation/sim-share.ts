import type { OutputShare } from '../../agent/attempt/output-share.ts';
import type { World } from './world.ts';

export interface Content {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Who does something on the share: its replies reach it only while it lives. */
export interface ShareUser {
  readonly agentId: string;
  later(ms: number, run: () => void): void;
}

/** What is mounted under the share's name. */
interface Volume {
  readonly name: string;
  identity: string | undefined;
  readonly files: Map<string, Content>;
  readonly folders: Set<string>;
}

export interface Published {
  readonly path: string;
  readonly volume: string;
  readonly content: Content;
  readonly replaced: boolean;
  readonly agentId: string;
}

const root = '/results';

/**
 * The output share, as a map of files. What was asked of it happens, even if whoever asked has died meanwhile. It can be
 * away, for all or for one, and another share can be mounted in its place.
 */
export class SimShare {
  readonly #world: World;
  readonly #onPublished: (published: Published) => void;
  readonly #own = newVolume('own');
  #mounted = this.#own;
  readonly #others: Volume[] = [];
  awayUntilMs = 0;
  readonly awayForUntilMs = new Map<string, number>();

  constructor(world: World, onPublished: (published: Published) => void) {
    this.#world = world;
    this.#onPublished = onPublished;
  }

  isAwayFor(agentId: string): boolean {
    const { nowMs } = this.#world;
    return this.awayUntilMs > nowMs || (this.awayForUntilMs.get(agentId) ?? 0) > nowMs;
  }

  get isOther(): boolean {
    return this.#mounted !== this.#own;
  }

  /** What its identity file says, to whoever can reach it. */
  get identity(): string | undefined {
    return this.#mounted.identity;
  }

  /** Somebody has used it: it has an identity. */
  useOnce(): void {
    this.#own.identity ??= `id-of-${this.#own.name}`;
  }

  /** Another share is mounted under this one's name: new and empty, or used before. */
  mountOther(isUsed: boolean): void {
    this.#mounted = newVolume(`other-${this.#others.length + 1}`);
    this.#others.push(this.#mounted);
    if (isUsed) this.#mounted.identity = `id-of-${this.#mounted.name}`;
  }

  mountOwn(): void {
    this.#mounted = this.#own;
  }

  /** Somebody deletes what is staged: the granted file is gone. */
  loseStaged(pick: (folders: readonly string[]) => string | undefined): string | undefined {
    const folder = pick([...this.#own.folders].filter((path) => !path.includes('.dead-')));
    if (folder !== undefined) remove(this.#own, folder);
    return folder;
  }

  /** Staged on a share that was mounted for a while under this one's name, and is not now. */
  isElsewhere(stagingUnc: string): boolean {
    const folder = localPath(stagingUnc);
    return this.#others.some((volume) => volume !== this.#mounted && volume.folders.has(folder));
  }

  hasStaging(folder: string): boolean {
    return this.#own.folders.has(folder);
  }

  /** The share as one agent uses it; `made` is what it has rendered, by local path. */
  seenBy(user: ShareUser, made: ReadonlyMap<string, Content>): OutputShare {
    return {
      locate: (unc) => ({ share: 'results', uncPath: unc, localPath: localPath(unc), mountPath: root }),
      makeStaging: ({ localPath: folder }) =>
        this.#do(user, (volume) => {
          volume.folders.add(folder);
          volume.identity ??= `id-of-${volume.name}`;
        }),
      upload: (from, to) =>
        this.#do(user, (volume) => {
          const content = made.get(from);
          if (content === undefined || !volume.folders.has(parentOf(to))) throw fault('ENOENT', to);
          volume.files.set(to, content);
          return content;
        }),
      exists: (path) => this.#do(user, ({ files, folders }) => files.has(path) || folders.has(path)),
      examine: (path) => this.#do(user, (volume) => fileOf(volume, path)),
      rename: (from, to) => this.#do(user, (volume) => this.#rename(volume, from, to, user.agentId)),
      removeStaging: (folder) => this.#do(user, (volume) => remove(volume, folder)),
      identity: () => this.#do(user, (volume) => volume.identity),
      thinSetAside: () => this.#do(user, () => undefined),
    };
  }

  /** The published files, wherever they are: what was mounted when they were made. */
  results(): ReadonlyMap<string, Content> {
    const files = [this.#own, ...this.#others].flatMap(({ files }) => [...files]);
    return new Map(files.filter(([path]) => parentOf(path) === root));
  }

  #do<T>(user: ShareUser, act: (volume: Volume) => T): Promise<T> {
    const { random } = this.#world;
    return new Promise<T>((resolve, reject) => {
      this.#world.after(random.chance(0.05) ? random.between(50, 3_000) : random.between(0.2, 5), () => {
        const settle = this.#settlement(user, act, resolve, reject);
        user.later(random.between(0.1, 3), () => {
          settle();
          this.#world.promisesAreDue = true;
        });
      });
    });
  }

  #settlement<T>(
    { agentId }: ShareUser,
    act: (volume: Volume) => T,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): () => void {
    if (this.isAwayFor(agentId)) return () => reject(fault('EHOSTDOWN', root));
    try {
      const value = act(this.#mounted);
      return () => resolve(value);
    } catch (error) {
      // A broken property ends the simulation; anything else is the share's answer.
      if (!(error instanceof ShareFault)) throw error;
      return () => reject(error);
    }
  }

  #rename(volume: Volume, from: string, to: string, agentId: string): void {
    if (volume.folders.has(from)) {
      renameFolder(volume, from, to);
      return;
    }
    const content = fileOf(volume, from);
    const replaced = volume.files.has(to);
    volume.files.delete(from);
    volume.files.set(to, content);
    if (parentOf(to) === root)
      this.#onPublished({ path: to, volume: volume.name, content, replaced, agentId });
  }
}

function newVolume(name: string): Volume {
  return { name, identity: undefined, files: new Map(), folders: new Set() };
}

function fileOf(volume: Volume, path: string): Content {
  const content = volume.files.get(path);
  if (content === undefined) throw fault('ENOENT', path);
  return content;
}

function remove(volume: Volume, folder: string): void {
  volume.folders.delete(folder);
  for (const path of volume.files.keys()) if (parentOf(path) === folder) volume.files.delete(path);
}

function renameFolder(volume: Volume, from: string, to: string): void {
  if (volume.folders.has(to)) throw fault('ENOTEMPTY', to);
  volume.folders.delete(from);
  volume.folders.add(to);
  for (const [path, content] of [...volume.files]) {
    if (parentOf(path) !== from) continue;
    volume.files.delete(path);
    volume.files.set(`${to}${path.slice(from.length)}`, content);
  }
}

/** Where a UNC path of the farm's output share is on every agent. */
export function localPath(unc: string): string {
  return unc.replace('\\\\nas\\Results', root).replaceAll('\\', '/');
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

class ShareFault extends Error {
  readonly code: string;
  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

function fault(code: string, path: string): ShareFault {
  return new ShareFault(code, path);
}
