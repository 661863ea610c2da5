import { DecodeError } from './decode-error.ts';

/** The two-way mapping between a union of ours and a proto enum. 0 (`_UNSPECIFIED`) is never a name. */
export interface EnumTable<Name extends string, Wire extends number> {
  toWire(name: Name): Wire;
  /** @throws DecodeError for 0 and for a number that this build does not know. */
  fromWire(value: number, field: string): Name;
  /** Like `fromWire`, with 0 read as absent. */
  optionalFromWire(value: number, field: string): Name | undefined;
  /** For showing: undefined for 0 and for a number that this build does not know. */
  nameOf(value: number): Name | undefined;
  readonly names: readonly Name[];
}

/** Fails to match when a value of the proto enum has no name in T. */
type Covers<T extends Readonly<Record<string, number>>, Wire extends number> =
  Exclude<Wire, 0 | T[keyof T]> extends never ? unknown : { readonly unnamed: Exclude<Wire, 0 | T[keyof T]> };

/** `enumTable<wire.Mode>()({ graceful: wire.Mode.GRACEFUL, ... })`; stops compiling when the proto enum grows. */
export function enumTable<Wire extends number>() {
  return <const T extends Readonly<Record<string, Exclude<Wire, 0>>>>(
    table: T & Covers<T, Wire>,
  ): EnumTable<keyof T & string, Exclude<Wire, 0>> => {
    type Name = keyof T & string;
    const nameByWire = new Map(
      Object.entries<Exclude<Wire, 0>>(table).map(([name, wire]): [number, Name] => [wire, name]),
    );
    const fromWire = (value: number, field: string): Name => {
      const name = nameByWire.get(value);
      if (name !== undefined) return name;
      const expected = `must be one of ${[...nameByWire.values()].join(', ')}`;
      throw value === 0
        ? new DecodeError('MISSING', field, expected)
        : new DecodeError('UNKNOWN_VALUE', field, `${expected}, not number ${value}`);
    };
    return {
      toWire: (name) => table[name],
      fromWire,
      optionalFromWire: (value, field) => (value === 0 ? undefined : fromWire(value, field)),
      nameOf: (value) => nameByWire.get(value),
      names: [...nameByWire.values()],
    };
  };
}
