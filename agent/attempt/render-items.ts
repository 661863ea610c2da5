import type { Loudness, ResolvedItem } from '../../proto/index.ts';
import type { RenderItem, SourceFile } from '../render/render-request.ts';

/** An item whose files are here and measured, as the renderer wants it; the loudness only where the item asks for it. */
export function renderItemOf(
  item: ResolvedItem,
  source: SourceFile,
  logo: SourceFile | undefined,
  loudness?: Loudness,
): RenderItem {
  return {
    ...source,
    position: item.position,
    itemType: item.itemType,
    ...(item.title === undefined ? {} : { title: item.title }),
    ...(item.videoId === undefined ? {} : { videoId: item.videoId }),
    ...(item.durationMs === undefined ? {} : { durationMs: item.durationMs }),
    ...(logo === undefined ? {} : { logo }),
    ...(item.text === undefined ? {} : { text: item.text }),
    ...(loudness === undefined ? {} : { loudness }),
  };
}
