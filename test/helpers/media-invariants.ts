import { renderProblemCodes } from '../../agent/render/problem-codes.ts';
import { beepsOf, clockOf, type ItemOutcome } from './media-clock.ts';
import type { RandomClip } from './random-media.ts';

/** A picture may stand this much longer than its rate explains: what `checkSegment` lets `tpad` clone. */
const frozenFramesMax = 15;
/** Picture and sound are this much apart at most: half a frame of the source and of the result, and what codecs prime. */
const apartSecondsMax = 0.06;

/** What is wrong with the outcome of a clip; empty when every promise was kept. */
export function brokenPromises(clip: RandomClip, outcome: ItemOutcome): readonly string[] {
  if (outcome.kind === 'refused') {
    const unknown = outcome.codes.filter((code) => !(code in renderProblemCodes));
    if (outcome.codes.length === 0 || unknown.length > 0)
      return [`refused without a code: ${outcome.message}`];
    return clip.damage === undefined ? [`a whole clip is refused: ${outcome.message}`] : [];
  }
  if (outcome.kind === 'failed') {
    const told = `${outcome.code} (${outcome.failureClass}) ${outcome.message}`;
    if (clip.damage === undefined) return [`a whole clip fails: ${told}`];
    return outcome.failureClass === 'input' ? [] : [`damage is not the fault of its file: ${told}`];
  }
  const { plan, rows, samples, warnings, damage } = outcome;
  const broken: string[] = [];
  if (rows.length !== plan.frames) broken.push(`${rows.length} frames, not ${plan.frames}`);
  if (samples.length !== plan.frames * 1600 * 2) broken.push(`${samples.length / 2} samples`);
  const isTold = warnings.length > 0 || damage !== undefined;
  const isShort = plan.frames < (clip.seconds - 0.5) * 30;
  if (isShort && !isTold) broken.push(`${plan.frames} frames of ${clip.seconds} s, and no warning`);
  const frozen = longestStand(rows);
  if (frozen > clip.heldFrames + frozenFramesMax && !isTold)
    broken.push(`the picture stands still for ${frozen} frames, and no warning`);
  const astray = rows.filter((row, index) => Math.abs(clockOf(row, clip.seconds) - index / 30) > 0.3).length;
  if (astray > frozenFramesMax && !isTold) broken.push(`${astray} frames show another time, and no warning`);
  if (clip.damage === undefined) broken.push(...offBeat(clip, rows, samples));
  return broken;
}

/** A whole clip tells the right time in every frame, and its sound goes with it. */
function offBeat(clip: RandomClip, rows: readonly Uint8Array[], samples: Int16Array): readonly string[] {
  const broken: string[] = [];
  const late = rows.map((row, index) => clockOf(row, clip.seconds) - index / 30);
  // The last frame stays to the end, and a container's zero can lie before the first.
  const steady = late.slice(2, -3).toSorted((a, b) => a - b);
  const [lowest = 0, middle = 0, highest = 0] = [steady[0], steady[steady.length >> 1], steady.at(-1)];
  const spread = clip.heldFrames / 30 + 0.03;
  if (highest - lowest > spread) broken.push(`the picture's time runs off by ${highest - lowest} s`);
  if (Math.abs(middle) > 0.1) broken.push(`the picture is ${middle} s off`);
  const beeps = beepsOf(samples);
  if (beeps.length !== clip.beeps.length) return [...broken, `${beeps.length} beeps at ${beeps.join()}`];
  for (const [index, at] of clip.beeps.entries()) {
    const apart = at - (beeps[index] ?? 0) - middle;
    if (Math.abs(apart) > apartSecondsMax) broken.push(`the sound is ${apart} s from its picture at ${at}`);
  }
  return broken;
}

function longestStand(rows: readonly Uint8Array[]): number {
  let longest = 1;
  let stands = 1;
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1];
    stands = before !== undefined && Buffer.compare(row, before) === 0 ? stands + 1 : 1;
    longest = Math.max(longest, stands);
  }
  return longest;
}
