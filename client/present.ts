/** An object with the one field, or without it where the value is absent (also: protobuf's empty text). */
export function present<Name extends string, Value>(
  name: Name,
  value: Value,
): Readonly<Partial<Record<Name, NonNullable<Value>>>> {
  const absent = value === undefined || value === null || value === '';
  return (absent ? {} : { [name]: value }) as Readonly<Partial<Record<Name, NonNullable<Value>>>>;
}
