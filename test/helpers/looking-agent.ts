import type { ItemDraft, JobDraft } from '../../controller/domain/job-draft.ts';
import type { AgentSession } from '../../controller/engine/farm.ts';
import type { FileSeen, LookAtFiles } from '../../proto/file-link.ts';
import { inventory } from './agent-messages.ts';
import type { EngineController, RecordingOutlet } from './engine-controller.ts';
import { itemDraft, jobDraft } from './job-draft.ts';
import { settled } from './manual-clock.ts';

export const clip: FileSeen = {
  ...{ state: 'readable', sizeBytes: 1_000, durationMs: 12_000, width: 1_920, height: 1_080 },
  ...{ codec: 'h264', isImage: false },
};
/** A still whose content alone does not tell that it is one. */
export const still4k: FileSeen = {
  state: 'readable',
  sizeBytes: 5,
  width: 3_840,
  height: 2_160,
  codec: 'gif',
};
export const gone: FileSeen = { state: 'missing', code: 'FILE_MISSING', message: 'does not exist' };

/** A stand-in for an agent that looks at files when it is told to. */
export class Looker {
  readonly #outlet: RecordingOutlet;
  readonly session: AgentSession;
  #told = 0;

  constructor({ outlet, session }: { outlet: RecordingOutlet; session: AgentSession }) {
    this.#outlet = outlet;
    this.session = session;
  }

  /** All that it was ever asked. */
  get asks(): readonly LookAtFiles[] {
    return this.#outlet.got.filter((message) => message.kind === 'look-at-files');
  }

  /** Answers what it was asked since; returns to how many questions. */
  answer(seen: (path: string) => FileSeen = () => clip): number {
    const fresh = this.asks.slice(this.#told);
    this.#told += fresh.length;
    for (const { lookId, paths } of fresh)
      this.session.deliver({ kind: 'files-seen', lookId, files: paths.map(seen) });
    return fresh.length;
  }

  /** Until it is asked nothing more. */
  async answerAll(seen?: (path: string) => FileSeen): Promise<void> {
    do await settled();
    while (this.answer(seen) > 0);
  }
}

/** An agent that can be asked about files of these shares. */
export async function looker(
  farm: EngineController,
  id: string,
  shares = ['clips', 'results'],
): Promise<Looker> {
  const more = { features: ['verify'], inventory: inventory({ hostname: id, shares }) };
  return new Looker(await farm.attach(id, more));
}

/** An item whose file has the name of its position. */
export function item(position: number, changes: Partial<ItemDraft> = {}): ItemDraft {
  return { ...itemDraft, position, videoId: '', path: `\\\\nas\\Clips\\${position}.mp4`, ...changes };
}

export function job(items: readonly ItemDraft[], changes: Partial<JobDraft> = {}): JobDraft {
  return { ...jobDraft, items, ...changes };
}

export function manyItems(count: number): readonly ItemDraft[] {
  return Array.from({ length: count }, (_, position) => item(position));
}

/** Not awaited yet; its rejection is for whoever awaits it. */
export function begin<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
