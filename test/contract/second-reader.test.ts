import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import * as any from '../../proto/gen/google/protobuf/any.ts';
import * as duration from '../../proto/gen/google/protobuf/duration.ts';
import * as timestamp from '../../proto/gen/google/protobuf/timestamp.ts';
import * as details from '../../proto/gen/google/rpc/error_details.ts';
import * as rpcStatus from '../../proto/gen/google/rpc/status.ts';
import * as agent from '../../proto/gen/renderfarm/v1/agent.ts';
import * as farm from '../../proto/gen/renderfarm/v1/farm.ts';
import * as job from '../../proto/gen/renderfarm/v1/job.ts';

/**
 * The generated code against a second reader of the same .proto files: what proto-loader writes, the generated code
 * must read with the same names and values, and write again so that proto-loader reads what it wrote.
 */
const protoFolder = join(import.meta.dirname, '../../proto');
const files = ['renderfarm/v1/farm.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'];
const generated: Readonly<Record<string, unknown>> = {
  ...any,
  ...duration,
  ...timestamp,
  ...details,
  ...rpcStatus,
  ...agent,
  ...farm,
  ...job,
};

interface Codec {
  decode(bytes: Uint8Array): object;
  encode(message: object): { finish(): Uint8Array };
}

/** The part of a field's descriptor that decides which values it can have. */
interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
  readonly oneofIndex?: number;
  readonly proto3Optional?: boolean;
}

interface Descriptor {
  readonly name: string;
  readonly field: readonly Field[];
  readonly nestedType: readonly (Descriptor & { readonly options?: { readonly mapEntry?: boolean } })[];
}

type Reader = MessageTypeDefinition<object, object>;

const definitions = loadSync(files, {
  includeDirs: [protoFolder],
  keepCase: true,
  longs: Number,
  enums: Number,
  defaults: true,
});
const readers = new Map<string, Reader>();
const descriptors = new Map<string, Descriptor>();
const enumNumbers = new Map<string, readonly number[]>();
for (const [name, definition] of Object.entries(definitions)) {
  if (!('format' in definition)) continue;
  if ('serialize' in definition) {
    readers.set(name, definition as Reader);
    describe(name, definition.type as unknown as Descriptor);
  } else {
    const { value } = definition.type as { readonly value: readonly { readonly number: number }[] };
    enumNumbers.set(
      name,
      value.map(({ number }) => number),
    );
  }
}

/** Nested messages have no entry of their own. */
function describe(name: string, descriptor: Descriptor): void {
  descriptors.set(name, descriptor);
  for (const nested of descriptor.nestedType) describe(`${name}.${nested.name}`, nested);
}

suite('the generated code and proto-loader agree on', () => {
  for (const [name, reader] of readers) {
    const codec = codecOf(name);
    if (codec === undefined) continue;
    test(name, () => {
      const property = fc.property(messageOf(name, 0), (message) => {
        const theirs = reader.deserialize(reader.serialize(message));
        const read = codec.decode(reader.serialize(message));
        assert.deepStrictEqual(plain(read), plain(theirs));
        const again = reader.deserialize(Buffer.from(codec.encode(read).finish()));
        assert.deepStrictEqual(plain(again), plain(theirs));
      });
      fc.assert(property, { numRuns: 30 });
    });
  }

  test('which messages there are', () => {
    const unread = [...readers.keys()].filter((name) => codecOf(name) === undefined);
    // Map entries have no message of their own.
    assert.deepStrictEqual(
      unread.filter((name) => !name.endsWith('Entry')),
      [],
    );
    assert.ok(readers.size > 70, `${readers.size} messages`);
  });
});

function codecOf(name: string): Codec | undefined {
  const short = name.replace(/^(renderfarm\.v1|google\.rpc|google\.protobuf)\./u, '').replaceAll('.', '_');
  const codec = generated[short];
  return typeof codec === 'object' && codec !== null && 'decode' in codec ? (codec as Codec) : undefined;
}

/** Any message of a type, as proto-loader takes it. */
function messageOf(name: string, depth: number): fc.Arbitrary<object> {
  const descriptor = descriptors.get(name);
  assert.ok(descriptor, `no message ${name}`);
  // Their own values are limited: a Timestamp beyond 9999 is no Date.
  if (name === 'google.protobuf.Timestamp') {
    return fc.record({ seconds: fc.nat(4_000_000_000), nanos: fc.nat(999).map((ms) => ms * 1e6) });
  }
  const model = Object.fromEntries(
    descriptor.field.map((field) => [field.name, fieldOf(descriptor, field, name, depth)]),
  );
  const oneof = descriptor.field.filter((field) => isOneofMember(field)).map((field) => field.name);
  const presence = fc.tuple(fc.record(model, { requiredKeys: [] }), fc.nat());
  return presence.map(([message, choice]) => {
    const kept = oneof[choice % Math.max(1, oneof.length)];
    return Object.fromEntries(
      Object.entries(message).filter(([key]) => !oneof.includes(key) || key === kept),
    );
  });
}

function isOneofMember(field: Field): boolean {
  return typeof field.oneofIndex === 'number' && field.proto3Optional !== true;
}

function fieldOf(parent: Descriptor, field: Field, name: string, depth: number): fc.Arbitrary<unknown> {
  const isMap = parent.nestedType.some(
    (nested) => nested.options?.mapEntry === true && field.typeName.endsWith(nested.name),
  );
  if (isMap)
    return fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), { noNullPrototype: true });
  const value = valueOf(field, name, depth);
  return field.label === 'LABEL_REPEATED' ? fc.array(value, { maxLength: depth > 2 ? 0 : 2 }) : value;
}

function valueOf(field: Field, name: string, depth: number): fc.Arbitrary<unknown> {
  const type = field.typeName.replace(/^\./u, '');
  switch (field.type) {
    case 'TYPE_STRING':
      return fc.string({ unit: 'grapheme', maxLength: 8 });
    case 'TYPE_BYTES':
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes));
    case 'TYPE_BOOL':
      return fc.boolean();
    case 'TYPE_DOUBLE':
      return fc.double({ noNaN: true }).map((value) => value + 0);
    case 'TYPE_INT32':
      return fc.integer();
    case 'TYPE_INT64':
      return fc.maxSafeInteger();
    case 'TYPE_UINT64':
      return fc.maxSafeNat();
    case 'TYPE_ENUM':
      return fc.constantFrom(...(enumNumbers.get(resolve(type, name, enumNumbers)) ?? assert.fail(type)));
    case 'TYPE_MESSAGE':
      return messageOf(resolve(type, name, descriptors), depth + 1);
    default:
      return assert.fail(`${name}.${field.name} has the type ${field.type}, which this test does not know`);
  }
}

/** A type's full name: proto-loader leaves some names relative to where they are used. */
function resolve(type: string, from: string, known: ReadonlyMap<string, unknown>): string {
  const scopes = from.split('.').map((_, index, parts) => parts.slice(0, parts.length - index).join('.'));
  const candidates = [type, ...scopes.map((scope) => `${scope}.${type}`)];
  return candidates.find((candidate) => known.has(candidate)) ?? assert.fail(`no ${type} for ${from}`);
}

/** One shape for both readers: names without case and underscores, no absent fields, times as numbers. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (value instanceof Date) {
    return { seconds: Math.floor(value.getTime() / 1_000), nanos: (value.getTime() % 1_000) * 1e6 };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries<unknown>({ ...value }).flatMap(([key, inner]): [string, unknown][] => {
    if (inner === undefined || inner === null) return [];
    const member = oneofMember(inner);
    const [name, content]: readonly [string, unknown] = member ?? [key, inner];
    return [[name.replaceAll('_', '').toLowerCase(), plain(content)]];
  });
  return Object.fromEntries(entries);
}

function oneofMember(value: unknown): [string, unknown] | undefined {
  if (typeof value !== 'object' || value === null || !('$case' in value) || !('value' in value))
    return undefined;
  return [String(value.$case), value.value];
}
