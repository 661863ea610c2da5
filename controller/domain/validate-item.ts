import type { FieldViolation } from './errors.ts';
import type { ItemSpec } from './job.ts';
import type { ItemDraft } from './job-draft.ts';
import { pathFault, unusableKind } from './path-rules.ts';
import { countGraphemes, isPrintableName, nameCharactersMax } from './text-rules.ts';

/** mission.md section 5: more letters than this is a validation error. */
export const textGraphemesMax = 200;
/** How long an image may be shown, and what an estimate of anything else may say. */
export const durationLimits = { minMs: 100, maxMs: 3_600_000 } as const;

const positionMax = 2 ** 31 - 1;

/** What an item is checked against. */
export interface ItemRules {
  /** The UNC path lies in a source share of this farm. */
  isInSourceShare(uncPath: string): boolean;
}

export interface ValidatedItem {
  /** Undefined where something is wrong. */
  readonly spec: ItemSpec | undefined;
  readonly violations: readonly FieldViolation[];
}

/**
 * One item of a job, or what is wrong with it. Logo and text apply to `video` items only, loudness to those that may
 * have sound: on others they are dropped without an error, as the old system did. A `video_id` wins, so a path beside it is dropped unread.
 */
export function validateItem(item: ItemDraft, index: number, rules: ItemRules): ValidatedItem {
  const violations: FieldViolation[] = [];
  const refuse = (field: string, description: string) =>
    violations.push({ field: `items[${index}].${field}`, description });
  checkPosition(item, refuse);
  checkSource(item, rules, refuse);
  checkDuration(item, refuse);
  if (item.itemType === 'video') checkDecoration(item, rules, refuse);
  return { spec: violations.length === 0 ? toSpec(item) : undefined, violations };
}

type Refuse = (field: string, description: string) => void;

function checkPosition(item: ItemDraft, refuse: Refuse): void {
  if (!Number.isInteger(item.position) || item.position < 0 || item.position > positionMax) {
    refuse('position', `must be a whole number between 0 and ${positionMax}`);
  }
  if (item.itemType === undefined) {
    refuse('item_type', 'must be one of intro, video, transition, outro, image');
  }
}

function checkSource(item: ItemDraft, rules: ItemRules, refuse: Refuse): void {
  if (item.videoId !== '') {
    if (!isPrintableName(item.videoId)) {
      refuse('video_id', `must have 1 to ${nameCharactersMax} printable characters`);
    }
  } else if (item.path === '') {
    refuse('path', `No path for ${item.itemType ?? 'item'} at position ${item.position}`);
  } else {
    checkPath(item.path, 'path', rules, refuse);
    const kind = unusableKind(item.path);
    if (kind !== undefined) refuse('path', `must not be ${kind}`);
  }
}

function checkPath(path: string, field: string, rules: ItemRules, refuse: Refuse): void {
  const fault = pathFault(path);
  if (fault !== undefined) refuse(field, fault);
  else if (!rules.isInSourceShare(path)) refuse(field, 'must lie in a source share of this farm');
}

function checkDuration({ durationMs }: ItemDraft, refuse: Refuse): void {
  if (durationMs === undefined) return;
  const { minMs, maxMs } = durationLimits;
  if (!(durationMs >= minMs && durationMs <= maxMs)) {
    refuse('duration', `must be between ${minMs / 1_000} and ${maxMs / 1_000} s`);
  }
}

function checkDecoration(item: ItemDraft, rules: ItemRules, refuse: Refuse): void {
  const graphemes = countGraphemes(textOf(item));
  if (graphemes > textGraphemesMax) {
    const field = item.text === '' ? 'text_animation_words' : 'text_animation_text';
    refuse(field, `must have at most ${textGraphemesMax} letters, not ${graphemes}`);
  }
  if (item.logoPath === '') return;
  const kind = unusableKind(item.logoPath);
  if (kind !== undefined) refuse('logo_path', `must not be ${kind}`);
  else checkPath(item.logoPath, 'logo_path', rules, refuse);
}

function textOf(item: ItemDraft): string {
  return item.text === '' ? item.words.join(' ') : item.text;
}

function toSpec(item: ItemDraft): ItemSpec | undefined {
  const { position, itemType, durationMs, is4k, pathAvailable, normalizeLoudness } = item;
  if (itemType === undefined) return undefined;
  const decorated = itemType === 'video';
  const text = textOf(item);
  return {
    position,
    itemType,
    ...(item.videoId === '' ? { path: item.path } : { videoId: item.videoId }),
    ...(item.title !== '' && { title: item.title }),
    ...(decorated && item.logoPath !== '' && { logoPath: item.logoPath }),
    ...(durationMs !== undefined && { durationMs }),
    ...(decorated && text !== '' && { text }),
    ...(item.resolution !== '' && { resolution: item.resolution }),
    ...(is4k !== undefined && { is4k }),
    ...(pathAvailable !== undefined && { pathAvailable }),
    ...(normalizeLoudness && itemType !== 'image' && { normalizeLoudness }),
  };
}
