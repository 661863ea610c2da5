import { noOptions, type RenderOptions } from '../../proto/render-options.ts';
import type { FieldViolation } from './errors.ts';
import type { OptionsDraft } from './job-draft.ts';

/** What is wrong with how a job is to be rendered. */
export function checkOptions(options: OptionsDraft | undefined): readonly FieldViolation[] {
  return options?.rateProfile === 'unknown'
    ? [{ field: 'options.rate_profile', description: 'must be one of studio, quality' }]
    : [];
}

/** Undefined where all is off. */
export function givenOptions(options: OptionsDraft | undefined): RenderOptions | undefined {
  if (options === undefined) return undefined;
  const { rateProfile, ...switches } = options;
  const isAny = Object.keys(noOptions).some((name) => switches[name as keyof typeof switches]);
  if (rateProfile === undefined || rateProfile === 'unknown') return isAny ? switches : undefined;
  return { ...switches, rateProfile };
}
