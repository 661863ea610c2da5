import type { ResolvedItem } from '../../proto/index.ts';
import type { FetchedFile } from '../media/fetch.ts';
import type { FileProber } from '../media/probe-files.ts';
import type { MediaFacts } from '../render/facts.ts';
import { framesIn } from '../render/frames-ahead.ts';
import { planRender } from '../render/plan.ts';
import type { RenderItem, SourceFile } from '../render/render-request.ts';
import type { ExpectedItem, SegmentBoard } from '../render/segment-board.ts';
import type { ItemLoudness } from './item-loudness.ts';
import { renderItemOf } from './render-items.ts';

export interface IntakeOptions {
  readonly items: readonly ResolvedItem[];
  readonly enable4k: boolean;
  readonly prober: FileProber;
  readonly board: SegmentBoard;
  readonly loudnessOf: ItemLoudness;
}

/** Takes a job's files as they come, and puts each item on the board as soon as all of its own are here. */
export interface ItemIntake {
  file(file: FetchedFile): void;
  /** Every file that came was probed. Rejects with the signal's reason of the prober. */
  settled(): Promise<void>;
  /** Items whose files are all here and readable, in their order. */
  items(): readonly RenderItem[];
}

/** How long an image is shown that says nothing else (mission.md section 1). */
const imageDefaultMs = 5_000;

/** What the job itself says of its items. */
export function expectedItems(items: readonly ResolvedItem[]): readonly ExpectedItem[] {
  return items.map(({ position, itemType, durationMs }) => {
    const ms = durationMs ?? (itemType === 'image' ? imageDefaultMs : undefined);
    return { position, framesEstimated: ms === undefined ? undefined : framesIn(ms) };
  });
}

/** An item that turns out to be bad stops the board: nothing new begins, while the other files are still looked at. */
export function openItemIntake({ items, enable4k, prober, board, loudnessOf }: IntakeOptions): ItemIntake {
  const indexes = new Map(items.map((item, index) => [item, index]));
  const sources = new Map<ResolvedItem, Partial<Record<FetchedFile['role'], SourceFile>>>();
  const whole = new Map<number, RenderItem>();
  const probing: Promise<void>[] = [];

  const take = async (file: FetchedFile): Promise<void> => {
    const facts = await prober.probe(file);
    if (facts === undefined) {
      board.stop();
      return;
    }
    const of = { ...sources.get(file.item), [file.role]: sourceFile(file, facts) };
    sources.set(file.item, of);
    const { source, logo } = of;
    const index = indexes.get(file.item);
    if (index === undefined || source === undefined) return;
    if (file.item.logoPath !== undefined && logo === undefined) return;
    const loudness = await loudnessOf(file.item, source);
    const item = renderItemOf(file.item, source, logo, loudness);
    whole.set(index, item);
    const planned = planRender({ enable4k, items: [item] });
    const segment = planned.ok ? planned.plan.segments[0] : undefined;
    if (segment === undefined) board.stop();
    else board.ready(index, segment);
  };

  return {
    file(file) {
      const taken = take(file);
      // Told by `settled`; until that is asked it must not count as unhandled.
      taken.catch(() => undefined);
      probing.push(taken);
    },
    async settled() {
      const outcomes = await Promise.allSettled(probing);
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason as Error;
    },
    items: () => [...whole].toSorted(([a], [b]) => a - b).map(([, item]) => item),
  };
}

function sourceFile({ name, uncPath, sha256 }: FetchedFile, facts: MediaFacts): SourceFile {
  return { fileName: name, sourcePath: uncPath, sha256, facts };
}
