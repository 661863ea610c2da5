import {
  type handleBidiStreamingCall,
  type Metadata,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { RpcContext } from './context.ts';
import type { FileDescriptor } from './descriptors.ts';
import { toStatus } from './error-status.ts';

/** As proto-loader gives it: `message_request` names what is set. */
interface ReflectionRequest {
  readonly host: string;
  readonly message_request?: string;
  readonly file_by_filename?: string;
  readonly file_containing_symbol?: string;
}

type ReflectionAnswer =
  | { readonly file_descriptor_response: { readonly file_descriptor_proto: readonly Buffer[] } }
  | { readonly list_services_response: { readonly service: readonly { readonly name: string }[] } }
  | { readonly error_response: { readonly error_code: number; readonly error_message: string } };

type ReflectionResponse = ReflectionAnswer & {
  readonly valid_host: string;
  readonly original_request: ReflectionRequest;
};

/** Answers one question of a reflection client. */
export type Reflect = (request: ReflectionRequest) => ReflectionAnswer;

/**
 * Reflection over descriptors with all their imports: a client that asks for one file gets what that imports too, so
 * that grpcurl can resolve Timestamp and Duration. The same handlers serve v1 and v1alpha: their messages are equal.
 */
export function reflectOver(files: readonly FileDescriptor[], services: readonly string[]): Reflect {
  const byName = new Map(files.map((file) => [file.name, file]));
  const bySymbol = new Map(files.flatMap((file) => file.symbols.map((symbol) => [symbol, file] as const)));
  const answerFile = (file: FileDescriptor | undefined, asked: string): ReflectionAnswer =>
    file ? withImports(file, byName) : notFound(asked);
  return (request) => {
    switch (request.message_request) {
      case 'list_services':
        return { list_services_response: { service: services.map((name) => ({ name })) } };
      case 'file_by_filename':
        return answerFile(
          byName.get(request.file_by_filename ?? ''),
          `file ${request.file_by_filename ?? ''}`,
        );
      case 'file_containing_symbol': {
        const symbol = request.file_containing_symbol ?? '';
        return answerFile(bySymbol.get(symbol), `symbol ${symbol}`);
      }
      case undefined:
        return refused(status.INVALID_ARGUMENT, 'The request asks nothing');
      default:
        // proto3 has no extensions.
        return notFound(request.message_request);
    }
  };
}

/** The service's one method, by event handlers: a server must not leave a bidi call by a loop. */
export function reflectionService(context: RpcContext, reflect: Reflect): UntypedServiceImplementation {
  const info: handleBidiStreamingCall<ReflectionRequest, ReflectionResponse> = (call) => {
    call.on('error', () => undefined);
    const end = () => call.end();
    context.stopping.addEventListener('abort', end, { once: true });
    call.on('cancelled', () => context.stopping.removeEventListener('abort', end));
    call.on('end', end);
    const refusal = refusalOf(context, call.metadata);
    if (refusal !== undefined) {
      call.resume();
      call.emit('error', toStatus(refusal, context.logger));
      return;
    }
    call.on('data', (request: ReflectionRequest) => {
      const room = call.write({ valid_host: request.host, original_request: request, ...reflect(request) });
      if (room) return;
      call.pause();
      call.once('drain', () => call.resume());
    });
    if (context.stopping.aborted) end();
  };
  return { ServerReflectionInfo: info };
}

function refusalOf(context: RpcContext, metadata: Metadata): unknown {
  try {
    context.authorise(metadata);
    return undefined;
  } catch (error) {
    return error;
  }
}

function withImports(file: FileDescriptor, byName: ReadonlyMap<string, FileDescriptor>): ReflectionAnswer {
  const gathered = new Set<FileDescriptor>();
  const gather = (each: FileDescriptor) => {
    if (gathered.has(each)) return;
    gathered.add(each);
    for (const name of each.dependencies) {
      const imported = byName.get(name);
      if (imported) gather(imported);
    }
  };
  gather(file);
  return { file_descriptor_response: { file_descriptor_proto: [...gathered].map(({ bytes }) => bytes) } };
}

function notFound(asked: string): ReflectionAnswer {
  return refused(status.NOT_FOUND, `No ${asked} here`);
}

function refused(code: number, message: string): ReflectionAnswer {
  return { error_response: { error_code: code, error_message: message } };
}
