/** Every field of T listed, optional ones too: a converter that forgets one stops compiling. */
export type Complete<T> = { readonly [K in keyof Required<T>]: T[K] | undefined };

/** T from all of its fields: those that are undefined are left out, so that `'x' in value` means what it says. */
export function compact<T extends object>(fields: Complete<T>): T {
  const present: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) present[key] = value;
  }
  return present as T;
}

/** A wire message with all its fields set, proto3-optional ones too. */
export type CompleteWire<T> = { readonly [K in keyof Required<T>]: T[K] };
