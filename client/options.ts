import { RenderfarmError } from './errors.ts';

/** Certificates as PEM text. */
export interface TlsOptions {
  /** Authority that signed the controller's certificate. @default The system's authorities. */
  readonly ca?: string;
  /** Our own certificate, where the controller asks for one; needs `key`. */
  readonly cert?: string;
  readonly key?: string;
}

/** What a caller may write. */
export interface ConnectOptions {
  /** `host:port` of every controller of the farm; tried in turn. At most 16. */
  readonly addresses: readonly string[];
  /** The farm's token. @default No token, which a controller accepts on loopback only. */
  readonly token?: string;
  /** `true`: TLS with the system's authorities. @default false */
  readonly tls?: TlsOptions | boolean;
  /** Time limit of a call, with all its tries. @default 30000 */
  readonly callTimeoutMs?: number;
  /** Time limit of one try. @default 10000 */
  readonly tryTimeoutMs?: number;
  /** A controller that accepts a connection and stays silent is given up after this. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** The first pause before a new try is up to this long; it doubles. @default 2000 */
  readonly backoffFirstMs?: number;
  /** The longest pause before a new try. @default 10000 */
  readonly backoffMaxMs?: number;
  /** A watch ends with `CONTROLLER_UNREACHABLE` when no controller served it for this long. @default 900000 */
  readonly watchGiveUpAfterMs?: number;
}

/** What the library runs on. */
export interface ClientSettings {
  readonly addresses: readonly string[];
  readonly token: string | undefined;
  /** Absent: plain text. */
  readonly tls: TlsOptions | undefined;
  readonly callTimeoutMs: number;
  readonly tryTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  readonly watchGiveUpAfterMs: number;
}

const addressesMax = 16;
const dayMs = 24 * 60 * 60 * 1000;

/** Fills in the defaults. @throws RenderfarmError `INVALID_OPTIONS` with every problem. */
export function resolveOptions(options: ConnectOptions): ClientSettings {
  const settings: ClientSettings = {
    addresses: options.addresses,
    token: options.token,
    tls: resolveTls(options.tls),
    callTimeoutMs: options.callTimeoutMs ?? 30_000,
    tryTimeoutMs: options.tryTimeoutMs ?? 10_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    backoffFirstMs: options.backoffFirstMs ?? 2_000,
    backoffMaxMs: options.backoffMaxMs ?? 10_000,
    watchGiveUpAfterMs: options.watchGiveUpAfterMs ?? 15 * 60_000,
  };
  const problems = [
    ...addressProblems(settings),
    ...tlsProblems(settings),
    ...clearTokenProblems(settings),
    ...timeProblems(settings),
  ];
  if (problems.length > 0) {
    throw new RenderfarmError('INVALID_OPTIONS', `cannot connect: ${problems.join('; ')}`);
  }
  return settings;
}

function resolveTls(tls: ConnectOptions['tls']): TlsOptions | undefined {
  if (tls === undefined || tls === false) return undefined;
  return tls === true ? {} : tls;
}

function addressProblems({ addresses }: ClientSettings): readonly string[] {
  if (addresses.length === 0) return ['no address is given'];
  if (addresses.length > addressesMax) return [`more than ${addressesMax} addresses`];
  return addresses
    .filter(
      (address) => !/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/.test(address) && !/^unix:\S+$/.test(address),
    )
    .map((address) => `address ${JSON.stringify(address)} must be host:port`);
}

function tlsProblems({ tls, token }: ClientSettings): readonly string[] {
  const problems: string[] = [];
  if ((tls?.cert === undefined) !== (tls?.key === undefined)) problems.push('cert and key belong together');
  if (token !== undefined && !/^[\x21-\x7e]{1,1024}$/.test(token)) {
    problems.push('the token must be 1 to 1024 printable ASCII characters without spaces');
  }
  return problems;
}

/** A token in clear text is none: the controller asks for TLS on every address beyond loopback, and so do we. */
function clearTokenProblems({ addresses, tls, token }: ClientSettings): readonly string[] {
  if (tls !== undefined || token === undefined) return [];
  return addresses
    .filter((address) => !/^(localhost|127\.[\d.]+|\[::1\]):|^unix:/.test(address))
    .map((address) => `the token would cross the network in clear text to ${address}: use TLS`);
}

function timeProblems(settings: ClientSettings): readonly string[] {
  return (
    [
      'callTimeoutMs',
      'tryTimeoutMs',
      'connectTimeoutMs',
      'backoffFirstMs',
      'backoffMaxMs',
      'watchGiveUpAfterMs',
    ] as const
  )
    .filter((name) => !(settings[name] >= 1 && settings[name] <= dayMs))
    .map((name) => `${name} must be between 1 and ${dayMs}`);
}
