import type { Loudness } from '../../proto/render-options.ts';

/**
 * Where an item's sound is brought when its job asks for it: -14 LUFS is what YouTube and Spotify play at, -1.5 dBTP
 * leaves room for the AAC encoder's overshoot (EBU TR 128 s1 asks for -1).
 */
export const loudnessTarget = { integrated: -14, truePeak: -1.5 } as const;

/** A level that is missed by this much, in LU, is worth a warning: less is not heard. */
const missedMin = 1;
/** No sound is made louder by more, in dB: below it is hiss. */
const gainMax = 30;

/** The one change of level of an item, and how far it falls short of the target. */
export interface LoudnessGain {
  /** To the hundredth. */
  readonly gainDb: number;
  /** Undefined where the target is reached. */
  readonly reaches?: number;
}

/**
 * One gain for a whole item, as `loudnorm` applies in its linear mode: every quiet and every loud moment keep their
 * distance. Where peaks would be cut off, the sound stays below the target instead. Undefined where nothing was measured.
 * Pure.
 */
export function loudnessGain({ integrated, truePeak }: Loudness): LoudnessGain | undefined {
  if (integrated === undefined) return undefined;
  const wanted = loudnessTarget.integrated - integrated;
  const peakAllows = truePeak === undefined ? wanted : loudnessTarget.truePeak - truePeak;
  const gainDb = Math.round(Math.min(wanted, peakAllows, gainMax) * 100) / 100;
  const reaches = integrated + gainDb;
  const isMissed = loudnessTarget.integrated - reaches >= missedMin;
  return { gainDb, ...(isMissed && { reaches }) };
}
