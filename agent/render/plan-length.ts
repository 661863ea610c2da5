import type { MediaFacts } from './facts.ts';
import type { Complaints } from './plan-problems.ts';
import type { RenderItem } from './render-request.ts';
import { choosePicture, chooseSound, declaredEndSeconds, hasPackets, streamEndSeconds } from './streams.ts';

/**
 * Finds clips that end before they say, and sound that does not go with its picture. FFmpeg itself would fill the gap
 * with the last frame and exit with 0: 83 real frames passed as 150 of 150.
 */
export function findLengthProblems(
  item: RenderItem,
  facts: MediaFacts,
  pictureSeconds: number,
  complaints: Complaints,
): void {
  if (findTruncation(item, facts, complaints)) return;
  findDamage(item, facts, complaints);
  findUndeclared(item, facts, pictureSeconds, complaints);
  findSoundMismatch(item, facts, pictureSeconds, complaints);
}

function findTruncation({ sourcePath }: RenderItem, facts: MediaFacts, { complain }: Complaints): boolean {
  const streams = [choosePicture(facts), chooseSound(facts)].flatMap((stream) => stream ?? []);
  const scanned = streams.flatMap((stream) => (stream.scan === undefined ? [] : [stream.scan.endSeconds]));
  const declared = facts.containerDurationSeconds;
  if (declared !== undefined && scanned.length > 0) {
    // Of these two the duration counts from zero, wherever their first picture is.
    const isFromZero = /\b(?:mov|matroska)\b/u.test(facts.formatName);
    const zero = isFromZero ? Math.min(0, facts.containerStartSeconds) : facts.containerStartSeconds;
    const real = Math.max(...scanned) - zero;
    if (real < declared - toleranceSeconds(declared)) {
      complain(
        'SOURCE_TRUNCATED',
        `Truncated: ${sourcePath} says ${told(declared)} and ends at ${told(real)}`,
      );
      return true;
    }
  }
  for (const stream of streams) {
    const says = declaredEndSeconds(facts, stream);
    const ends = stream.scan === undefined ? undefined : stream.scan.endSeconds - facts.containerStartSeconds;
    if (says === undefined || ends === undefined || ends >= says - toleranceSeconds(says)) continue;
    complain(
      'SOURCE_TRUNCATED',
      `Truncated: a stream of ${sourcePath} says ${told(says)} and ends at ${told(ends)}`,
    );
    return true;
  }
  return false;
}

/** A photo of which the lower half did not arrive is decoded all the same, and grey from there on. */
export function findStillDamage(
  path: string,
  { scanWarnings, hasPartialEnd }: MediaFacts,
  { complain, warn }: Complaints,
): void {
  const [first] = scanWarnings;
  if (first === undefined) return;
  if (hasPartialEnd)
    complain('SOURCE_TRUNCATED', `Truncated: ${path} ends within its picture: ${first}`, path);
  else warn('SOURCE_DAMAGED', `Damaged: pieces of ${path} are lost: ${first}`, path);
}

/** A clip may hold a picture for long; where ffprobe complained as well, what should have moved is lost. */
const lostSecondsMax = 1;

function findDamage({ sourcePath }: RenderItem, facts: MediaFacts, { complain, warn }: Complaints): void {
  const [first] = facts.scanWarnings;
  if (first === undefined || facts.hasPartialEnd) return;
  const gapSeconds = choosePicture(facts)?.scan?.gapSeconds ?? 0;
  if (gapSeconds > lostSecondsMax) {
    complain('SOURCE_DAMAGED', `Damaged: ${told(gapSeconds)} of ${sourcePath} are lost: ${first}`);
  } else {
    warn('SOURCE_DAMAGED', `Damaged: pieces of ${sourcePath} are lost: ${first}`);
  }
}

function findUndeclared(
  { sourcePath, durationMs }: RenderItem,
  facts: MediaFacts,
  pictureSeconds: number,
  { complain, warn }: Complaints,
): void {
  if (facts.containerDurationSeconds !== undefined && !facts.hasPartialEnd) return;
  if (facts.hasPartialEnd) {
    complain('SOURCE_TRUNCATED', `Truncated: ${sourcePath} ends in the middle of a packet`);
    return;
  }
  warn('DURATION_UNDECLARED', `${sourcePath} does not say how long it is`);
  if (durationMs === undefined) return;
  const estimate = durationMs / 1000;
  if (pictureSeconds < estimate - Math.max(1, estimate * 0.1)) {
    warn('DURATION_SHORT', `${sourcePath} has ${told(pictureSeconds)}, the item estimates ${told(estimate)}`);
  }
}

function findSoundMismatch(
  { sourcePath }: RenderItem,
  facts: MediaFacts,
  pictureSeconds: number,
  { complain, warn }: Complaints,
): void {
  const sound = chooseSound(facts);
  if (sound === undefined) {
    if (facts.audio.some(hasPackets))
      complain('SOUND_UNREADABLE', `The sound of ${sourcePath} is of a kind that FFmpeg does not know`);
    else if (facts.audio.length > 0)
      warn('SOUND_EMPTY', `The sound of ${sourcePath} is empty; silence instead`);
    return;
  }
  const soundSeconds = streamEndSeconds(facts, sound);
  if (soundSeconds === undefined) return;
  const surplus = soundSeconds - pictureSeconds;
  if (surplus > Math.max(1, pictureSeconds * 0.1)) {
    complain('SOUND_TOO_LONG', `The sound of ${sourcePath} is ${told(surplus)} longer than its picture`);
  } else if (surplus < -1) {
    warn(
      'SOUND_SHORT',
      `The sound of ${sourcePath} ends ${told(-surplus)} before its picture; silence follows`,
    );
  }
}

function toleranceSeconds(declaredSeconds: number): number {
  return Math.max(0.5, declaredSeconds * 0.01);
}

function told(seconds: number): string {
  return `${seconds.toFixed(2)}s`;
}
