import type { CallOptions, Client, ClientDuplexStream, Metadata, ServiceError } from '@grpc/grpc-js';
import type { AgentMessage, ControllerMessage } from './agent-link.ts';
import { encodeAgentMessage } from './codec/agent-message.ts';
import { decodeControllerMessage } from './codec/controller-message.ts';
import { AgentServiceService } from './gen/renderfarm/v1/agent.ts';
import { linkLimits } from './link-limits.ts';
import type { LinkOptions } from './stream.ts';
import { StreamLink } from './stream.ts';

export interface AttachOptions extends Partial<LinkOptions> {
  readonly metadata: Metadata;
  readonly callOptions?: CallOptions;
}

/**
 * Opens an agent's stream on a client of its own (protocol.md: about 1,000 cancelled calls kill every stream of a
 * connection). `received` throws grpc-js's ServiceError where the controller refuses or the connection is lost.
 * The caller watches over the connecting itself: grpc-js has no time limit for that.
 */
export function attachToController(
  client: Client,
  options: AttachOptions,
): StreamLink<AgentMessage, ControllerMessage> {
  const limits = options.limits ?? linkLimits;
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    AgentServiceService.attach.path,
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
    options.metadata,
    options.callOptions ?? {},
  );
  const side = {
    encode: encodeAgentMessage,
    decode: decodeControllerMessage,
    end: (error: Error | undefined) => endCall(call, error, limits.endMs),
  };
  const link = new StreamLink<AgentMessage, ControllerMessage>(call, side, { ...options, limits });
  finishAfterLastMessage(call, link);
  return link;
}

/** The status can be told before the last messages were read: a paused stream still holds some. */
function finishAfterLastMessage(
  call: ClientDuplexStream<Buffer, Buffer>,
  link: StreamLink<AgentMessage, ControllerMessage>,
): void {
  let error: ServiceError | undefined;
  let over = { status: false, messages: false };
  const finishWhenBoth = (part: Partial<typeof over>) => {
    over = { ...over, ...part };
    if (!over.status || !over.messages) return;
    link.finish({ by: 'them', ...(error && { error }) });
    link.settle();
  };
  call.on('error', (cause: ServiceError) => {
    error = cause;
  });
  call.on('status', () => {
    finishWhenBoth({ status: true });
    call.resume();
  });
  call.on('end', () => finishWhenBoth({ messages: true }));
}

/** A clean end half-closes and waits for the controller's answer, but not for ever. */
function endCall(call: ClientDuplexStream<Buffer, Buffer>, error: Error | undefined, endMs: number): void {
  if (error) {
    call.cancel();
    return;
  }
  const timer = setTimeout(() => call.cancel(), endMs);
  call.once('status', () => clearTimeout(timer));
  call.end();
}
