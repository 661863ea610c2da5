import type { ChannelCredentials } from '@grpc/grpc-js';
import { Client, credentials, Metadata } from '@grpc/grpc-js';

/** How an agent proves who it is, and whom it believes. PEM texts, already read. */
export interface LinkSecurity {
  /** Absent: no TLS, for loopback and for tests. */
  readonly tls?: {
    readonly ca?: Buffer;
    readonly clientCert?: Buffer;
    readonly clientKey?: Buffer;
    /** Name that the controller's certificate must bear, where it is not the address. */
    readonly serverName?: string;
  };
  readonly token?: string;
}

/** A connection that nobody shares; grpc-js would otherwise put two clients of one address on one socket. */
export function openConnection(address: string, security: LinkSecurity, messageBytesMax: number): Client {
  return new Client(address, channelCredentials(security), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.enable_retries': 0,
    // Only frees dead sockets; our own heartbeat decides who is alive (protocol.md, Traps).
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    ...(security.tls?.serverName === undefined
      ? {}
      : { 'grpc.ssl_target_name_override': security.tls.serverName }),
  });
}

/** What goes with every call. */
export function callMetadata({ token }: LinkSecurity): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/** Resolves when the connection is up; rejects after `connectMs`: grpc-js would wait for ever on a silent server. */
export function waitUntilReady(client: Client, connectMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const give = (error?: Error): void => {
      signal.removeEventListener('abort', abort);
      if (error === undefined) resolve();
      else reject(error);
    };
    // Closing the client ends the wait at once.
    const abort = (): void => give(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) {
      abort();
      return;
    }
    client.waitForReady(Date.now() + connectMs, (error) => {
      give(
        error === undefined ? undefined : new Error(`not connected within ${connectMs} ms`, { cause: error }),
      );
    });
  });
}

/** TLS where it is configured, with our own certificate where there is one. */
export function channelCredentials({ tls }: LinkSecurity): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca, tls.clientKey, tls.clientCert);
}
