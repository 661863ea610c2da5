import type { Metadata, ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { AgentMessage, ControllerMessage } from './agent-link.ts';
import { decodeAgentMessage } from './codec/agent-message.ts';
import { encodeControllerMessage } from './codec/controller-message.ts';
import { DecodeError } from './codec/decode-error.ts';
import { AgentServiceService } from './gen/renderfarm/v1/agent.ts';
import { linkLimits } from './link-limits.ts';
import { resetStream } from './reset-stream.ts';
import type { LinkOptions } from './stream.ts';
import { StreamLink } from './stream.ts';

const sameBytes = (bytes: Buffer): Buffer => bytes;

/** AgentService as the controller serves it: bytes through, because the link encodes and decodes. */
export const agentServiceBytes = {
  attach: {
    path: AgentServiceService.attach.path,
    requestStream: true,
    responseStream: true,
    requestSerialize: sameBytes,
    requestDeserialize: sameBytes,
    responseSerialize: sameBytes,
    responseDeserialize: sameBytes,
  },
} as const satisfies ServiceDefinition;

/** What the caller of a refused or broken stream is told. */
export interface StatusOfError {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}

export interface AcceptOptions extends Partial<LinkOptions> {
  /** Turns the error that a link is closed with into the stream's status. @default `defaultStatus` */
  readonly statusOf?: (error: Error) => StatusOfError;
}

/**
 * The controller's end of an agent's stream. Built in the handler itself: the trap is a stream without handlers.
 * `end` comes before `cancelled` on a broken connection too, so the end of `received` does not mean a clean leave:
 * only a Goodbye among the messages does.
 */
export function acceptAgent(
  call: ServerDuplexStream<Buffer, Buffer>,
  options: AcceptOptions = {},
): StreamLink<ControllerMessage, AgentMessage> {
  const limits = options.limits ?? linkLimits;
  const statusOf = options.statusOf ?? defaultStatus;
  const side = {
    encode: encodeControllerMessage,
    decode: decodeAgentMessage,
    end: (error: Error | undefined) => {
      if (error) call.emit('error', statusOf(error));
      else call.end();
      forceAfter(call, limits.endMs);
    },
  };
  const link = new StreamLink<ControllerMessage, AgentMessage>(call, side, { ...options, limits });
  call.on('end', () => {
    link.finish({ by: 'them' });
    call.end();
    forceAfter(call, limits.endMs);
  });
  // Also told when the status has been sent: the one event that always comes.
  call.on('cancelled', () => {
    link.finish({ by: 'them' });
    link.settle();
  });
  // The error is one that we emitted: grpc-js's own listener has sent it as the status.
  call.on('error', () => undefined);
  return link;
}

/** INVALID_ARGUMENT for a message that cannot be read, ABORTED for the rest; the reason is our own text. */
export function defaultStatus(error: Error): StatusOfError {
  const code = error instanceof DecodeError ? status.INVALID_ARGUMENT : status.ABORTED;
  return { code, details: error.message };
}

/** An agent that reads nothing never takes the status either: its stream is reset then. */
function forceAfter(call: ServerDuplexStream<Buffer, Buffer>, endMs: number): void {
  if (call.cancelled) return;
  const timer = setTimeout(() => resetStream(call), endMs);
  // The controller's stop has a limit of its own: this timer must not keep the process.
  timer.unref();
  call.once('cancelled', () => clearTimeout(timer));
}
