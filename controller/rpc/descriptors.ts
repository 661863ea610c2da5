import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type StandardProto, standardDescriptors } from './standard-protos.ts';

/** One .proto file as reflection hands it out. */
export interface FileDescriptor {
  readonly name: string;
  readonly bytes: Buffer;
  readonly dependencies: readonly string[];
  /** Full names of everything that the file defines. */
  readonly symbols: readonly string[];
  readonly services: readonly string[];
}

/** Field numbers of google/protobuf/descriptor.proto, which never change. */
const fileSet = { file: 1 } as const;
const file = { name: 1, package: 2, dependency: 3, message: 4, enum: 5, service: 6 } as const;
const message = { name: 1, nested: 3, enum: 4 } as const;
const service = { name: 1, method: 2 } as const;

/** The files of our contract, with everything that they import, and of the standard services. */
export function loadDescriptors(standard: readonly StandardProto[]): readonly FileDescriptor[] {
  const set = readFileSync(join(import.meta.dirname, '..', '..', 'proto', 'gen', 'descriptors.binpb'));
  const ours = readFields(set).get(fileSet.file) ?? [];
  const encoded = [...ours, ...standard.flatMap((name) => standardDescriptors(name))];
  const byName = new Map(encoded.map(toFile).map((each) => [each.name, each]));
  return [...byName.values()];
}

function toFile(bytes: Buffer): FileDescriptor {
  const fields = readFields(bytes);
  const [packageName] = texts(fields, file.package);
  const inPackage = (name: string) => (packageName ? `${packageName}.${name}` : name);
  const services = (fields.get(file.service) ?? []).map(readFields);
  const serviceNames = services.flatMap((each) => texts(each, service.name)).map(inPackage);
  const symbols = [
    ...(fields.get(file.message) ?? []).flatMap((each) => messageSymbols(each, inPackage)),
    ...(fields.get(file.enum) ?? []).flatMap((each) => texts(readFields(each), message.name)).map(inPackage),
    ...serviceNames,
    ...services.flatMap((each) => methodSymbols(each, inPackage)),
  ];
  const [name = ''] = texts(fields, file.name);
  return { name, bytes, dependencies: texts(fields, file.dependency), symbols, services: serviceNames };
}

function messageSymbols(bytes: Buffer, inScope: (name: string) => string): string[] {
  const fields = readFields(bytes);
  const [name = ''] = texts(fields, message.name);
  const full = inScope(name);
  const within = (inner: string) => `${full}.${inner}`;
  const nested = (fields.get(message.nested) ?? []).flatMap((each) => messageSymbols(each, within));
  const enums = (fields.get(message.enum) ?? []).flatMap((each) => texts(readFields(each), message.name));
  return [full, ...nested, ...enums.map(within)];
}

function methodSymbols(fields: Fields, inPackage: (name: string) => string): string[] {
  const [name = ''] = texts(fields, service.name);
  const methods = (fields.get(service.method) ?? []).flatMap((each) => texts(readFields(each), service.name));
  return methods.map((method) => `${inPackage(name)}.${method}`);
}

type Fields = ReadonlyMap<number, readonly Buffer[]>;

function texts(fields: Fields, number: number): string[] {
  return (fields.get(number) ?? []).map((bytes) => bytes.toString());
}

/** The length-delimited fields of a message: names and nested messages. Others are skipped. */
function readFields(bytes: Buffer): Fields {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Buffer[]>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) {
      fields.set(number, [...(fields.get(number) ?? []), Buffer.from(reader.bytes())]);
    } else {
      reader.skip(wireType, number);
    }
  }
  return fields;
}
