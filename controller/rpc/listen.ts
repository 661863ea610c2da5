import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';

/** PEM texts. With `ca` every caller must bring a certificate that it signed (mTLS). */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

export type RpcStartErrorCode = 'INSECURE_LISTEN' | 'BAD_ADDRESS' | 'BAD_TLS' | 'LISTEN_FAILED';

/** The server cannot start; nothing listens. */
export class RpcStartError extends Error {
  readonly code: RpcStartErrorCode;

  constructor(code: RpcStartErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RpcStartError';
    this.code = code;
  }
}

/**
 * Beyond this PC both TLS and a token are required: a token in the clear is none.
 * @throws RpcStartError INSECURE_LISTEN, BAD_ADDRESS
 */
export function requireSafe(
  addresses: readonly string[],
  tls: TlsOptions | undefined,
  token: string | undefined,
): void {
  if (addresses.length === 0) throw new RpcStartError('BAD_ADDRESS', 'No address to listen on');
  for (const address of addresses) {
    if (isLoopback(address)) continue;
    const missing = [
      ...(tls ? [] : ['TLS (certificate and key)']),
      ...(token === undefined ? ['a token'] : []),
    ];
    if (missing.length === 0) continue;
    const message = `${address} can be reached from other PCs: that needs ${missing.join(' and ')}`;
    throw new RpcStartError('INSECURE_LISTEN', message);
  }
}

/** @throws RpcStartError BAD_TLS */
export function serverCredentials(tls: TlsOptions | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { cert, key, ca } = tls;
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
  try {
    // grpc-js looks at them only when it binds, and does not say which of its errors that is.
    createSecureContext({ cert, key, ca });
    // A CA without a certificate would be taken, and nobody could ever connect.
    if (ca !== undefined) new X509Certificate(ca);
    const rootCerts = ca === undefined ? null : Buffer.from(ca);
    return ServerCredentials.createSsl(rootCerts, [pair], ca !== undefined);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RpcStartError('BAD_TLS', `Certificate, key or CA cannot be used: ${reason}`, { cause });
  }
}

/**
 * Binds an address; port 0 takes a free one. Returns the port.
 * @throws RpcStartError LISTEN_FAILED
 */
export function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else {
        const message = `Cannot listen on ${address}: ${error.message}`;
        reject(new RpcStartError('LISTEN_FAILED', message, { cause: error }));
      }
    });
  });
}

function isLoopback(address: string): boolean {
  const host = hostOf(address);
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** `host:port`, with an IPv6 host in brackets. */
function hostOf(address: string): string {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:[\]]+)):\d{1,5}$/u.exec(address);
  const host = match?.groups?.['six'] ?? match?.groups?.['host'];
  if (host === undefined)
    throw new RpcStartError('BAD_ADDRESS', `${address} is not host:port or [host]:port`);
  return host;
}
