import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CallOptions, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { openLogRoom } from '../../controller/joblogs/log-room.ts';
import { type RpcServerOptions, startRpcServer } from '../../controller/rpc/server.ts';
import { systemClock } from '../../controller/system-clock.ts';
import type { Hello } from '../../proto/agent-link.ts';
import {
  AgentServiceClient,
  attachToController,
  FarmServiceClient,
  JobServiceClient,
  type LinkLimits,
  LogServiceClient,
  linkLimits,
} from '../../proto/index.ts';
import { FakeFarm } from '../helpers/fake-farm.ts';

/** A server over a fake farm on a free port, and clients of it; all of it is gone at the end of the scope. */
export async function startHarness(options: Partial<RpcServerOptions> = {}) {
  const farm = new FakeFarm();
  const root = await mkdtemp(join(tmpdir(), 'rpc-'));
  const logged: { level: string; fields: object; message: string }[] = [];
  const log = (level: string) => (fields: object, message: string) => logged.push({ level, fields, message });
  const logger = { info: log('info'), warn: log('warn'), error: log('error') };
  const keep = { timeZone: 'UTC', keepDays: 90, keepBytes: 2 ** 40 };
  const room = openLogRoom({
    root,
    farm,
    clock: systemClock(),
    log: logger,
    wrote: () => undefined,
    ...keep,
  });
  const closeRoom = async (): Promise<void> => {
    await room.stop();
    await rm(root, { recursive: true });
  };
  const server = await startRpcServer({
    farm,
    logs: room.logs,
    reads: room.reads,
    logger,
    addresses: ['127.0.0.1:0'],
    nowMs: Date.now,
    isInSourceShare: (path) => path.startsWith('\\\\nas\\Share\\'),
    ...options,
  }).catch(async (error: unknown) => {
    await closeRoom();
    throw error;
  });
  const address = `127.0.0.1:${server.port}`;
  const clients: Client[] = [];
  const open = <T extends Client>(of: new (...args: ConstructorParameters<typeof Client>) => T): T => {
    const client = new of(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    clients.push(client);
    return client;
  };
  return {
    farm,
    server,
    address,
    root,
    logged,
    jobs: () => open(JobServiceClient),
    farms: () => open(FarmServiceClient),
    logs: () => open(LogServiceClient),
    attach: (limits: Partial<LinkLimits> = {}, metadata = new Metadata()) =>
      attachToController(open(AgentServiceClient), { metadata, limits: { ...linkLimits, ...limits } }),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.close();
      await server.stop();
      await closeRoom();
    },
  };
}

export const hello: Hello = {
  kind: 'hello',
  agentId: 'pc1',
  instanceId: 'i1',
  softwareVersion: '0.1.0',
  protocolMin: 1,
  protocolMax: 1,
  features: [],
  highestTerm: 0,
  journalId: 'j1',
  firstUnackedEvent: 0,
  lastEvent: 0,
  inventory: {
    hostname: 'pc1',
    os: 'linux',
    cpuModel: 'cpu',
    cpuCores: 2,
    memoryBytes: 1,
    gpus: [],
    encoders: [],
    ffmpegVersion: '5.1',
    scratchFreeBytes: 100e9,
    queues: [],
    slots: 1,
    labels: [],
    shares: [],
    shareIds: [],
    speeds: [],
    concurrentSpeeds: [],
    copyBytesPerSecond: 0,
  },
  held: [],
  tombstones: [],
};

type UnaryCall<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

/** A unary call, bound to its client, as a promise. */
export function ask<Request, Response>(
  call: UnaryCall<Request, Response>,
  request: Request,
  metadata = new Metadata(),
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call(request, metadata, {}, (error, response) => (error ? reject(error) : resolve(response)));
  });
}

export function bearer(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}
