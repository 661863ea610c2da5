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

const root = '/results';

/** The output share, as a map of files. What was asked of it happens, even if whoever asked has died meanwhile. */
export class SimShare {
  readonly #world: World;
  readonly #onPublished: (path: string, content: Content, replaced: boolean, agentId: string) => void;
  readonly files = new Map<string, Content>();
  readonly #folders = new Set<string>();
  #hasIdentity = false;
  awayUntilMs = 0;

  constructor(
    world: World,
    onPublished: (path: string, content: Content, replaced: boolean, agentId: string) => void,
  ) {
    this.#world = world;
    this.#onPublished = onPublished;
  }

  get isAway(): boolean {
    return this.awayUntilMs > this.#world.nowMs;
  }

  /** The share as one agent uses it; `made` is what it has rendered, by local path. */
  seenBy(user: ShareUser, made: ReadonlyMap<string, Content>): OutputShare {
    return {
      locate: (unc) => ({ share: 'results', uncPath: unc, localPath: localPath(unc), mountPath: root }),
      makeStaging: ({ localPath: folder }) =>
        this.#do(user, () => {
          this.#folders.add(folder);
          this.#hasIdentity = true;
        }),
      upload: (from, to) =>
        this.#do(user, () => {
          const content = made.get(from);
          if (content === undefined || !this.#folders.has(parentOf(to))) throw fault('ENOENT', to);
          this.files.set(to, content);
          return content;
        }),
      exists: (path) => this.#do(user, () => this.files.has(path) || this.#folders.has(path)),
      examine: (path) => this.#do(user, () => this.#file(path)),
      rename: (from, to) => this.#do(user, () => this.#rename(from, to, user.agentId)),
      removeStaging: (folder) =>
        this.#do(user, () => {
          this.#folders.delete(folder);
          for (const path of this.files.keys()) if (parentOf(path) === folder) this.files.delete(path);
        }),
      isReachable: () => this.#do(user, () => this.#hasIdentity).catch(() => false),
    };
  }

  /** The published files. */
  results(): ReadonlyMap<string, Content> {
    return new Map([...this.files].filter(([path]) => parentOf(path) === root));
  }

  #do<T>(user: ShareUser, act: () => T): Promise<T> {
    const { random } = this.#world;
    return new Promise<T>((resolve, reject) => {
      this.#world.after(random.chance(0.05) ? random.between(50, 3_000) : random.between(0.2, 5), () => {
        const settle = this.#settlement(act, resolve, reject);
        user.later(random.between(0.1, 3), () => {
          settle();
          this.#world.promisesAreDue = true;
        });
      });
    });
  }

  #settlement<T>(act: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): () => void {
    if (this.isAway) return () => reject(fault('EHOSTDOWN', root));
    try {
      const value = act();
      return () => resolve(value);
    } catch (error) {
      // A broken property ends the simulation; anything else is the share's answer.
      if (!(error instanceof ShareFault)) throw error;
      return () => reject(error);
    }
  }

  #file(path: string): Content {
    const content = this.files.get(path);
    if (content === undefined) throw fault('ENOENT', path);
    return content;
  }

  #rename(from: string, to: string, agentId: string): void {
    if (this.#folders.has(from)) {
      this.#folders.delete(from);
      this.#folders.add(to);
      for (const [path, content] of [...this.files]) {
        if (parentOf(path) !== from) continue;
        this.files.delete(path);
        this.files.set(`${to}${path.slice(from.length)}`, content);
      }
      return;
    }
    const content = this.#file(from);
    const replaced = this.files.has(to);
    this.files.delete(from);
    this.files.set(to, content);
    if (parentOf(to) === root) this.#onPublished(to, content, replaced, agentId);
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
