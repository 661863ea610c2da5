/** A copy of `value` that lacks these keys: how an optional field is taken away from what is never changed. */
export function without<T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): Omit<T, K> {
  const copy: T = { ...value };
  for (const key of keys) Reflect.deleteProperty(copy, key);
  return copy;
}
