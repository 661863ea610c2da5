import type * as job from '../gen/renderfarm/v1/job.ts';
import type { Loudness, RenderOptions } from '../render-options.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { DecodeError } from './decode-error.ts';
import { rateChoices } from './enums.ts';

export function toOptions(options: RenderOptions): CompleteWire<job.RenderOptions> {
  const { rateProfile, ...switches } = options;
  return { ...switches, rateProfile: rateProfile === undefined ? 0 : rateChoices.toWire(rateProfile) };
}

/** @throws DecodeError for a rate profile that this build does not know. */
export function fromOptions(wire: job.RenderOptions, field: string): RenderOptions {
  const { noCache, keepFailed, fullDecode, loudnessReport, contactSheet, preview } = wire;
  return compact<RenderOptions>({
    rateProfile: rateChoices.optionalFromWire(wire.rateProfile, `${field}.rate_profile`),
    ...{ noCache, keepFailed, fullDecode, loudnessReport, contactSheet, preview },
  });
}

export function toLoudness({ integrated, range, truePeak }: Loudness): CompleteWire<job.Loudness> {
  return { integrated, range, truePeak };
}

/** @throws DecodeError for a figure that is no number. */
export function fromLoudness(wire: job.Loudness, field: string): Loudness {
  return compact<Loudness>({
    integrated: figure(wire.integrated, `${field}.integrated`),
    range: figure(wire.range, `${field}.range`),
    truePeak: figure(wire.truePeak, `${field}.true_peak`),
  });
}

function figure(value: number | undefined, field: string): number | undefined {
  if (value === undefined || Number.isFinite(value)) return value;
  throw new DecodeError('OUT_OF_RANGE', field, 'must be a number');
}
