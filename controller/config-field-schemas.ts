import { z } from 'zod';

export const path = z.string().min(1, 'must not be empty').max(4_096);
export const durationMs = z
  .int('must be whole milliseconds')
  .min(1)
  .max(366 * 24 * 3_600_000);
export const count = (min: number, max: number) => z.int().min(min).max(max);
export const uncRoot = z
  .string()
  .transform((text) => text.replaceAll('/', '\\').replace(/\\+$/u, ''))
  .refine((text) => /^\\\\[^\\]+(\\[^\\]+)+$/u.test(text), 'must be a UNC path such as \\\\host\\Share');
