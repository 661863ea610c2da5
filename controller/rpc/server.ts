import { Server, type ServerCredentials } from '@grpc/grpc-js';
import {
  agentServiceBytes,
  FarmServiceService,
  JobServiceService,
  LogServiceService,
} from '../../proto/index.ts';
import type { JobLogs, LogReads } from '../domain/log-files.ts';
import type { ShadowReports, StoredJobs } from '../domain/stored-jobs.ts';
import type { Farm } from '../engine/farm.ts';
import type { ResultPages } from '../history/port.ts';
import { agentStreams } from './agent-service.ts';
import { authoriseWith } from './auth.ts';
import type { RpcContext, RpcLogger } from './context.ts';
import { loadDescriptors } from './descriptors.ts';
import { farmService } from './farm-service.ts';
import { healthService } from './health-service.ts';
import { jobService } from './job-service.ts';
import {
  messageBytesMax,
  type RpcLimits,
  replyBytesMax,
  rpcLimits,
  streamsPerConnectionMax,
} from './limits.ts';
import { bind, requireSafe, serverCredentials, type TlsOptions } from './listen.ts';
import { logService } from './log-service.ts';
import { reflectionService, reflectOver } from './reflection-service.ts';
import { loadStandard, type StandardProto } from './standard-protos.ts';

export interface RpcServerOptions {
  readonly farm: Farm;
  readonly logs: JobLogs;
  readonly reads: LogReads;
  readonly stored?: StoredJobs;
  /** Absent: rows of results are not kept here. */
  readonly results?: ResultPages;
  readonly shadow?: ShadowReports;
  readonly logger: RpcLogger;
  /** `host:port` or `[host]:port`; port 0 takes a free one. */
  readonly addresses: readonly string[];
  /** The UNC path lies in a source share of this farm. */
  readonly isInSourceShare: (uncPath: string) => boolean;
  /** What time it is (Unix ms). */
  readonly nowMs: () => number;
  readonly tls?: TlsOptions;
  /** The one shared token; required, like TLS, for addresses that are not loopback. */
  readonly token?: string;
  readonly limits?: Partial<RpcLimits>;
}

export interface RpcServer {
  /** The addresses with the ports that were taken, in the order asked for. */
  readonly addresses: readonly string[];
  /** The first of the ports. */
  readonly port: number;
  /** Says Goodbye to agents, ends every stream, lets calls finish, then cuts what is left. Idempotent. */
  stop(): Promise<void>;
}

const ourServices = ['JobService', 'FarmService', 'AgentService', 'LogService'].map(
  (name) => `renderfarm.v1.${name}`,
);
const standardServices: Readonly<Record<StandardProto, string>> = {
  health: 'grpc.health.v1.Health',
  reflection_v1: 'grpc.reflection.v1.ServerReflection',
  reflection_v1alpha: 'grpc.reflection.v1alpha.ServerReflection',
};

/**
 * Serves the farm over gRPC.
 * @throws RpcStartError; nothing listens then
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { addresses, tls, token } = options;
  requireSafe(addresses, tls, token);
  const credentials = serverCredentials(tls);
  const limits = { ...rpcLimits, ...options.limits };
  const stopping = new AbortController();
  const context: RpcContext = {
    farm: options.farm,
    logs: options.logs,
    reads: options.reads,
    ...(options.stored && { stored: options.stored }),
    ...(options.results && { results: options.results }),
    ...(options.shadow && { shadow: options.shadow }),
    logger: options.logger,
    isInSourceShare: options.isInSourceShare,
    nowMs: options.nowMs,
    limits,
    authorise: authoriseWith(token),
    stopping: stopping.signal,
  };
  const server = newServer(limits);
  const agents = agentStreams(context);
  addServices(server, context, agents.handlers);
  const ports = await bindAll(server, addresses, credentials);
  let stopped: Promise<void> | undefined;
  return {
    addresses: addresses.map((address, index) => address.replace(/\d+$/u, String(ports[index]))),
    port: ports[0] ?? 0,
    stop: () => {
      stopped ??= stop(server, limits.stopMs, () => {
        agents.stop();
        stopping.abort();
      });
      return stopped;
    },
  };
}

async function bindAll(
  server: Server,
  addresses: readonly string[],
  credentials: ServerCredentials,
): Promise<number[]> {
  try {
    return await Promise.all(addresses.map((address) => bind(server, address, credentials)));
  } catch (error) {
    server.forceShutdown();
    throw error;
  }
}

function newServer(limits: RpcLimits): Server {
  return new Server({
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': replyBytesMax,
    'grpc.max_concurrent_streams': streamsPerConnectionMax,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    // forceShutdown closes nothing without it.
    'grpc.enable_channelz': 1,
  });
}

function addServices(
  server: Server,
  context: RpcContext,
  agentHandlers: ReturnType<typeof agentStreams>['handlers'],
): void {
  server.addService(JobServiceService, jobService(context));
  server.addService(FarmServiceService, farmService(context));
  server.addService(LogServiceService, logService(context));
  server.addService(agentServiceBytes, { ...agentHandlers });
  const health = healthService(context.farm, ourServices, context.stopping);
  server.addService(loadStandard('health', standardServices.health), health);
  const files = loadDescriptors(['health', 'reflection_v1', 'reflection_v1alpha']);
  const reflect = reflectOver(files, [...ourServices, ...Object.values(standardServices)]);
  for (const version of ['reflection_v1', 'reflection_v1alpha'] as const) {
    const definition = loadStandard(version, standardServices[version]);
    server.addService(definition, reflectionService(context, reflect));
  }
}

/** grpc-js waits for open streams for ever: they are ended first, and cut when that is not enough. */
async function stop(server: Server, stopMs: number, endStreams: () => void): Promise<void> {
  endStreams();
  const closed = Promise.withResolvers<undefined>();
  server.tryShutdown(() => closed.resolve(undefined));
  const timer = setTimeout(() => {
    server.forceShutdown();
    closed.resolve(undefined);
  }, stopMs);
  await closed.promise;
  clearTimeout(timer);
}
