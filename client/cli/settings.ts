import { readFileSync } from 'node:fs';
import { RenderfarmError } from '../errors.ts';
import type { ConnectOptions, TlsOptions } from '../options.ts';

/** The options of the command line that every command has, as commander gives them. */
export interface GlobalOptions {
  readonly address?: readonly string[];
  readonly tokenFile?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Seconds. */
  readonly timeout?: number;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a controller listens by default. */
const defaultAddress = '127.0.0.1:7070';
/** A person waits at a terminal: shorter than the library's. */
const defaultTimeoutS = 10;

/**
 * How to connect: the command line first, then the environment (RENDERFARM_ADDRESS, RENDERFARM_TOKEN_FILE,
 * RENDERFARM_TLS_CA, RENDERFARM_TLS_CERT, RENDERFARM_TLS_KEY), then the default.
 *
 * @throws RenderfarmError `INVALID_OPTIONS` for a file that cannot be read
 */
export function connectOptions(options: GlobalOptions, env: Environment): ConnectOptions {
  const tokenFile = options.tokenFile ?? set(env['RENDERFARM_TOKEN_FILE']);
  const timeoutMs = (options.timeout ?? defaultTimeoutS) * 1000;
  return {
    addresses: addresses(options, env),
    tls: tls(options, env) ?? options.tls ?? false,
    ...(tokenFile !== undefined && { token: fileText(tokenFile, 'token').trim() }),
    callTimeoutMs: timeoutMs,
    tryTimeoutMs: timeoutMs,
    connectTimeoutMs: Math.min(timeoutMs, 5_000),
  };
}

function addresses(options: GlobalOptions, env: Environment): readonly string[] {
  if (options.address !== undefined && options.address.length > 0) return options.address;
  const listed = (env['RENDERFARM_ADDRESS'] ?? '').split(',').map((address) => address.trim());
  const given = listed.filter((address) => address !== '');
  return given.length > 0 ? given : [defaultAddress];
}

function tls(options: GlobalOptions, env: Environment): TlsOptions | undefined {
  const files = {
    ca: options.tlsCa ?? set(env['RENDERFARM_TLS_CA']),
    cert: options.tlsCert ?? set(env['RENDERFARM_TLS_CERT']),
    key: options.tlsKey ?? set(env['RENDERFARM_TLS_KEY']),
  };
  const { ca, cert, key } = files;
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca: fileText(ca, 'CA certificate') }),
    ...(cert !== undefined && { cert: fileText(cert, 'certificate') }),
    ...(key !== undefined && { key: fileText(key, 'key') }),
  };
}

/** An empty variable is one that is not set. */
function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function fileText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RenderfarmError('INVALID_OPTIONS', `cannot read the ${what}: ${reason}`, { cause });
  }
}
