/** The value below which this share of the values lie (nearest rank). @throws Error for no values */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new Error('no values');
  return found;
}

/** @throws Error for no values */
export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new Error('no values');
  return sum(values) / values.length;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** To three digits after the point: below that is noise. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** The median under its name; with more than one value the smallest and the largest beside it. */
export function spread(name: string, values: readonly number[]): Record<string, number> {
  const median = rounded(percentile(values, 0.5));
  if (values.length < 2) return { [name]: median };
  return {
    [name]: median,
    [`${name}_min`]: rounded(Math.min(...values)),
    [`${name}_max`]: rounded(Math.max(...values)),
  };
}
