import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  type ChannelCredentials,
  connectivityState,
  credentials,
  Metadata,
  type VerifyOptions,
} from '@grpc/grpc-js';
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
  const ip = ipOf(address);
  const channelCredentials = credentialsFor(settings, ip);
  const jobs = new JobServiceClient(address, channelCredentials, {
    ...channelOptions,
    ...(ip !== undefined && settings.tls !== undefined && { 'grpc.ssl_target_name_override': nameOfIps }),
  });
  const farm = new FarmServiceClient(address, channelCredentials, { channelOverride: jobs.getChannel() });
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

/** TLS lets no IP address be the name that a server is asked for (RFC 6066); Node warns, and will ignore it. */
const nameOfIps = 'controller.renderfarm.invalid';

function ipOf(address: string): string | undefined {
  const host = address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? undefined : host;
}

/** The certificate must be for the host of the address: also where that is an IP address and no name is asked for. */
function credentialsFor({ tls }: ClientSettings, ip: string | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  const verification: VerifyOptions =
    ip === undefined ? {} : { checkServerIdentity: (_, certificate) => checkServerIdentity(ip, certificate) };
  try {
    return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert), verification);
  } catch (cause) {
    throw new RenderfarmError('INVALID_OPTIONS', `the certificates cannot be used: ${String(cause)}`, {
      cause,
    });
  }
}
