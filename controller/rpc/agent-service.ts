import type { ServerDuplexStream } from '@grpc/grpc-js';
import {
  type AgentMessage,
  acceptAgent,
  type ControllerMessage,
  type Hello,
  LinkError,
  linkLimits,
  type StreamLink,
} from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { AgentOutlet, AgentSession, StreamEnd } from '../engine/farm.ts';
import { requireAgentName } from './certificate-name.ts';
import type { RpcContext, RpcLogger } from './context.ts';
import { toStatus } from './error-status.ts';
import { refuseWhenStopping } from './unary.ts';

type AgentLink = StreamLink<ControllerMessage, AgentMessage>;

/** The open streams of agents; `stop` says Goodbye to all of them. */
export interface AgentStreams {
  readonly handlers: { attach(call: ServerDuplexStream<Buffer, Buffer>): void };
  stop(): void;
}

/** AgentService: each stream is one session of the farm, from its Hello to its end. */
export function agentStreams(context: RpcContext): AgentStreams {
  const links = new Set<AgentLink>();
  return {
    handlers: {
      attach: (call) => {
        const link = acceptAgent(call, {
          limits: { ...linkLimits, drainMs: context.limits.watchDrainMs, endMs: context.limits.endMs },
          statusOf: (error) => toStatus(toFarmError(error), context.logger),
          onUnknown: (name) =>
            context.logger.warn({ name }, 'An agent sent a message that is not known here'),
        });
        links.add(link);
        void link.closed.then(() => links.delete(link));
        serve(call, link, context).catch((error: unknown) => link.close(toError(error)));
      },
    },
    stop: () => {
      for (const link of links) {
        const comeBackAfterMs = Math.floor(Math.random() * context.limits.comeBackSpreadMs);
        endLink(link, { kind: 'goodbye', reason: 'restart', comeBackAfterMs }, context.logger);
      }
    },
  };
}

async function serve(
  call: ServerDuplexStream<Buffer, Buffer>,
  link: AgentLink,
  context: RpcContext,
): Promise<void> {
  context.authorise(call.metadata);
  refuseWhenStopping(context);
  if (sentToLeader(link, context)) return;
  const messages = link.received[Symbol.asyncIterator]();
  const hello = await firstHello(link, messages, context.limits.helloMs);
  if (hello === undefined) return;
  requireAgentName(call, hello.agentId);
  const logger = context.logger;
  const session = await attach(link, hello, context);
  if (session === undefined) return;
  const how = await deliverAll(link, messages, session);
  session.ended(how);
  logger.info({ agentId: hello.agentId, sessionId: session.sessionId, how }, "An agent's stream ended");
}

/** Undefined where the leadership was lost meanwhile: the agent was sent on. */
async function attach(link: AgentLink, hello: Hello, context: RpcContext): Promise<AgentSession | undefined> {
  try {
    return await context.farm.attach(hello, outletOf(link, hello.agentId, context.logger));
  } catch (error) {
    const lost = error instanceof FarmError && error.code === 'NOT_LEADING';
    if (lost && sentToLeader(link, context)) return undefined;
    throw error;
  }
}

/** A controller that does not lead says who does, as far as it knows, and ends the stream. */
function sentToLeader(link: AgentLink, { farm, logger }: RpcContext): boolean {
  const { role, leaderAddresses } = farm.status();
  if (role === 'leading') return false;
  const [address] = leaderAddresses;
  const to = address === undefined ? {} : { address };
  endLink(link, { kind: 'goodbye', reason: 'redirect', comeBackAfterMs: 0, ...to }, logger);
  return true;
}

/** Undefined where the stream ended before it. */
async function firstHello(
  link: AgentLink,
  messages: AsyncIterator<AgentMessage>,
  helloMs: number,
): Promise<Hello | undefined> {
  const late = () =>
    link.close(new FarmError('HELLO_EXPECTED', `No Hello came within ${helloMs} ms of the stream`));
  const timer = setTimeout(late, helloMs);
  try {
    const first = await messages.next();
    if (first.done === true) return undefined;
    if (first.value.kind === 'hello') return first.value;
    throw new FarmError('HELLO_EXPECTED', `The first message is ${first.value.kind}, not hello`);
  } finally {
    clearTimeout(timer);
  }
}

/** Delivers in order, at the pace of the farm's inbox; never throws. */
async function deliverAll(
  link: AgentLink,
  messages: AsyncIterator<AgentMessage>,
  session: AgentSession,
): Promise<StreamEnd> {
  let saidGoodbye = false;
  try {
    for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
      const message = next.value;
      if (message.kind === 'hello') {
        throw new FarmError('HELLO_EXPECTED', 'A second Hello came on one stream');
      }
      saidGoodbye ||= message.kind === 'goodbye';
      if (!session.deliver(message)) await Promise.race([session.ready(), link.closed]);
    }
  } catch (error) {
    link.close(toError(error));
  }
  if (saidGoodbye) return 'goodbye';
  return link.end?.by === 'us' ? 'ours' : 'closed';
}

function outletOf(link: AgentLink, agentId: string, logger: RpcLogger): AgentOutlet {
  return {
    send: (message) => sendQuietly(link, message, (err) => logger.error({ err, agentId }, 'Not sent')),
    end: (goodbye) => endLink(link, goodbye, logger),
  };
}

function endLink(link: AgentLink, goodbye: ControllerMessage | undefined, logger: RpcLogger): void {
  if (goodbye) sendQuietly(link, goodbye, (err) => logger.warn({ err }, 'Goodbye was not sent'));
  link.close();
}

/**
 * What is too large is not sent: the farm sees no answer and decides. An overflow has closed the link already. Any
 * other error is ours, and the link is of no use any more.
 */
function sendQuietly(link: AgentLink, message: ControllerMessage, report: (error: unknown) => void): void {
  try {
    link.send(message);
  } catch (error) {
    report(error);
    if (!(error instanceof LinkError)) link.close(toError(error));
  }
}

/** The link's own errors in the farm's words: the agent was too slow, or sent what cannot be read. */
function toFarmError(error: Error): Error {
  return error instanceof LinkError
    ? new FarmError('WATCHER_TOO_SLOW', error.message, { cause: error })
    : error;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
