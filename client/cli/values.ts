import { InvalidArgumentError } from 'commander';

/** The priority classes, lowest first. */
export const priorities = ['low', 'normal', 'high', 'urgent'];

/** A number of an option: above 0, and no more than a day has seconds. @throws InvalidArgumentError */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}
