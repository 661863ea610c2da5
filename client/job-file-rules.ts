import { jobFileLimits } from './job-file-limits.ts';

/** A rule that was broken, and where. */
export interface RuleBreach {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * The rules that reach across fields: a source for every item, positions in all items or in none and distinct, text
 * that is not too long as people count. They look at raw values, because every problem is reported at once: also
 * those of a job whose other fields are of the wrong type.
 */
export function breachesOf(items: unknown): readonly RuleBreach[] {
  if (!Array.isArray(items)) return [];
  const raw = items.map(fieldsOf);
  return [...raw.flatMap(missingSource), ...raw.flatMap(textTooLong), ...positionBreaches(raw)];
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(item: unknown): Fields {
  return typeof item === 'object' && item !== null ? (item as Fields) : {};
}

function missingSource(item: Fields, index: number): readonly RuleBreach[] {
  if (isGiven(item['video_id']) || isGiven(item['path'])) return [];
  return [{ path: [index], message: 'needs a video_id or a path' }];
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function textTooLong(item: Fields, index: number): readonly RuleBreach[] {
  // On anything but a video it is not drawn, and dropped without an error.
  if (item['item_type'] !== 'video') return [];
  const field = isGiven(item['text_animation_text']) ? 'text_animation_text' : 'text_animation_words';
  const value = item[field];
  const text = Array.isArray(value) ? value.join(' ') : value;
  if (typeof text !== 'string') return [];
  const count = graphemes(text);
  const max = jobFileLimits.textGraphemesMax;
  if (count <= max) return [];
  return [{ path: [index, field], message: `must have at most ${max} characters, has ${count}` }];
}

function graphemes(text: string): number {
  return [...new Intl.Segmenter().segment(text)].length;
}

function positionBreaches(items: readonly Fields[]): readonly RuleBreach[] {
  const given = items.filter((item) => item['position'] !== undefined);
  if (given.length === 0) return [];
  const firstAt = new Map<unknown, number>();
  return items.flatMap((item, index): readonly RuleBreach[] => {
    const position = item['position'];
    const path = [index, 'position'];
    if (position === undefined) return [{ path, message: 'is missing: give every item a position, or none' }];
    const earlier = firstAt.get(position);
    if (earlier === undefined) {
      firstAt.set(position, index);
      return [];
    }
    return [{ path, message: `is the same as that of items[${earlier}]` }];
  });
}
