import type { FileSeen } from '../../../proto/file-link.ts';
import type { WantedFile } from './file-desk.ts';

/** What is known of a file: what an agent saw, or why nobody did. */
export type FileAnswer =
  | { readonly seen: FileSeen; readonly agentId: string; readonly dissent?: string }
  | { readonly unknown: string };

/** A file on its way from agent to agent, until one has seen it. */
export interface OpenFile extends WantedFile {
  /** Agents that have said what they can, or have left the question unanswered. */
  readonly asked: Set<string>;
  /** Times that an agent had no time for it. */
  postponed: number;
  /** It was seen, and is no good; another agent may know better. */
  bad?: { readonly agentId: string; readonly seen: FileSeen };
  /** Why the last agent could not say anything. */
  why?: string;
}

/** All files of one verify. */
export class Inquiry {
  readonly answers = new Map<string, FileAnswer>();
  /** By share, in the order in which they are asked about. */
  readonly #waiting = new Map<string, Set<OpenFile>>();
  readonly #done: (answers: ReadonlyMap<string, FileAnswer>) => void;
  readonly endsAtMs: number;
  /** Files without an answer: those that wait, and those that an agent looks at. */
  open: number;

  constructor(
    files: readonly WantedFile[],
    endsAtMs: number,
    done: (answers: ReadonlyMap<string, FileAnswer>) => void,
  ) {
    this.open = files.length;
    this.endsAtMs = endsAtMs;
    this.#done = done;
    for (const file of files) this.putBack({ ...file, asked: new Set(), postponed: 0 });
  }

  putBack(file: OpenFile): void {
    const others = this.#waiting.get(file.share) ?? new Set();
    this.#waiting.set(file.share, others.add(file));
  }

  settle(file: OpenFile, answer: FileAnswer): void {
    this.answers.set(file.path, answer);
    this.open -= 1;
    if (this.open === 0) this.#done(this.answers);
  }

  /** It is over: what has no answer yet gets none. */
  end(unknown: string): void {
    for (const file of this.takeWhere(() => true)) {
      const { bad } = file;
      this.answers.set(file.path, bad ?? { unknown });
    }
    this.open = 0;
    this.#done(this.answers);
  }

  /**
   * Takes files of these shares that this agent was not asked about yet, up to so many and so many characters of paths. It
   * is called for every agent that is free: what waits at other shares, and behind what is taken, is not looked at.
   */
  takeFor(
    { agentId, shares }: { readonly agentId: string; readonly shares: ReadonlySet<string> },
    filesMax: number,
    charactersMax: number,
  ): readonly OpenFile[] {
    const taken: OpenFile[] = [];
    let characters = 0;
    for (const [share, files] of this.#waiting) {
      if (!shares.has(share)) continue;
      for (const file of files) {
        if (taken.length >= filesMax || characters >= charactersMax) return taken;
        if (file.asked.has(agentId)) continue;
        files.delete(file);
        taken.push(file);
        characters += file.path.length;
      }
    }
    return taken;
  }

  takeWhere(test: (file: OpenFile) => boolean): readonly OpenFile[] {
    const taken: OpenFile[] = [];
    for (const files of this.#waiting.values()) {
      for (const file of files) {
        if (!test(file)) continue;
        files.delete(file);
        taken.push(file);
      }
    }
    return taken;
  }
}
