import { type ChannelCredentials, connectivityState, credentials, Metadata } from '@grpc/grpc-js';
import { FarmServiceClient, JobServiceClient } from '../proto/index.ts';
import { RenderfarmError } from './errors.ts';
import type { ClientSettings } from './options.ts';
import { clientVersion } from './version.ts';

/** A connection to one controller, shared by its services. */
export interface OpenChannel {
  readonly address: string;
  readonly jobs: JobServiceClient;
  readonly farm: FarmServiceClient;
  close(): void;
}

/** As large as the largest reply: 1,000 jobs of a page, each with up to 50 problems. */
const receivedBytesMax = 32 * 1024 * 1024;

const channelOptions = {
  'grpc.primary_user_agent': `renderfarm-client/${clientVersion}`,
  // Subchannels of our own: closing this one really closes it, the next one connects at once instead of waiting
  // for a back-off that another channel earned, and a burst of cancelled calls harms nobody else.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': receivedBytesMax,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // Retries are ours: they carry the request id, change the address and end with the call's time limit.
  'grpc.enable_retries': 0,
};

/** Opens a connection of its own; nothing is sent before the first call. */
export function openChannel(address: string, settings: ClientSettings): OpenChannel {
  const jobs = new JobServiceClient(address, channelCredentials(settings), channelOptions);
  const farm = new FarmServiceClient(address, channelCredentials(settings), {
    channelOverride: jobs.getChannel(),
  });
  return { address, jobs, farm, close: () => jobs.close() };
}

/** What goes with every call. */
export function callMetadata({ token }: ClientSettings): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/**
 * Waits until the connection stands or has failed: then a call on it says at once what is wrong. grpc-js has no time
 * limit of its own for a server that accepts and stays silent.
 *
 * @throws RenderfarmError `CONTROLLER_UNREACHABLE` after `connectTimeoutMs`.
 */
export async function untilSettled(channel: OpenChannel, connectTimeoutMs: number): Promise<void> {
  const deadline = Date.now() + connectTimeoutMs;
  const inner = channel.jobs.getChannel();
  for (;;) {
    const state = inner.getConnectivityState(true);
    if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return;
    const changed = await new Promise<boolean>((resolve) => {
      inner.watchConnectivityState(state, deadline, (error) => resolve(error === undefined));
    });
    if (!changed) {
      const message = `${channel.address} did not answer within ${connectTimeoutMs} ms`;
      throw new RenderfarmError('CONTROLLER_UNREACHABLE', message, {
        status: 'UNAVAILABLE',
        resource: { type: 'controller', name: channel.address },
      });
    }
  }
}

function channelCredentials({ tls }: ClientSettings): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  try {
    return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
  } catch (cause) {
    throw new RenderfarmError('INVALID_OPTIONS', `the certificates cannot be used: ${String(cause)}`, {
      cause,
    });
  }
}
