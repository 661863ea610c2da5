import { join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** The public services that every gRPC tool knows, by the .proto files beside this one. */
export type StandardProto = 'health' | 'reflection_v1' | 'reflection_v1alpha';

/** What proto-loader's messages look like here: names as in the .proto, enums by name, oneofs by what is set. */
const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true } as const;

/** Loads a service by its full name. */
export function loadStandard(file: StandardProto, serviceName: string): ServiceDefinition {
  const definitions = loadSync(join(import.meta.dirname, 'proto-standard', `${file}.proto`), options);
  const definition = definitions[serviceName];
  if (definition === undefined || 'format' in definition) {
    throw new Error(`${file}.proto has no service ${serviceName}`);
  }
  return definition;
}

/** The descriptors of a standard proto, for reflection: encoded FileDescriptorProtos. */
export function standardDescriptors(file: StandardProto): readonly Buffer[] {
  const definitions = loadSync(join(import.meta.dirname, 'proto-standard', `${file}.proto`), options);
  for (const definition of Object.values(definitions)) {
    if ('fileDescriptorProtos' in definition) return definition.fileDescriptorProtos as readonly Buffer[];
  }
  throw new Error(`${file}.proto has no message`);
}
