import type { StoreSettings } from './config-store-schema.ts';
import type { FieldViolation } from './domain/errors.ts';
import type { HostPort, RedisAddress, RedisLogin } from './store/redis/redis-address.ts';

/** Where the farm is kept, as the controller runs on it. */
export type StoreConfig =
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'redis';
      readonly address: RedisAddress;
      readonly login: RedisLogin;
      readonly keyPrefix: string;
    };

type Environment = Readonly<Record<string, string | undefined>>;

/** Settings of one kind of store that stand beside the other kind, or miss. */
export function storeContradictions(store: StoreSettings | undefined): readonly FieldViolation[] {
  if (store === undefined) return [];
  const places = (['url', 'sentinel', 'cluster'] as const).filter((name) => store[name] !== undefined);
  if (store.kind === 'sqlite') {
    const others = [...places, ...(['username', 'passwordFile', 'tls'] as const)];
    return others
      .filter((name) => store[name] !== undefined)
      .map((name) => ({ field: `store.${name}`, description: 'is for store.kind redis only' }));
  }
  return [
    ...(store.file === undefined ? [] : [violation('store.file', 'is for store.kind sqlite only')]),
    ...(places.length === 0 ? [violation('store', 'kind redis needs one of url, sentinel and cluster')] : []),
    ...places.slice(1).map((name) => violation(`store.${name}`, `cannot stand beside store.${places[0]}`)),
    ...((store.tls?.cert === undefined) === (store.tls?.key === undefined)
      ? []
      : [violation('store.tls', 'needs cert and key together, or neither')]),
  ];
}

/**
 * Reads what the settings name. Their contradictions are another's to report.
 * @param read the text of a file that a field names; it reports a file that cannot be read
 */
export function storeConfig(
  store: StoreSettings,
  defaultFile: string,
  read: { (field: string, path: string): string; readonly at: (path: string) => string },
  env: Environment,
): StoreConfig {
  if (store.kind === 'sqlite') return { kind: 'sqlite', file: read.at(store.file ?? defaultFile) };
  return {
    kind: 'redis',
    address: addressOf(store, read, env),
    login: loginOf(store, read, env),
    keyPrefix: store.keyPrefix,
  };
}

type Read = Parameters<typeof storeConfig>[2];

function addressOf(store: StoreSettings, read: Read, env: Environment): RedisAddress {
  if (store.cluster !== undefined) return { kind: 'cluster', nodes: store.cluster.map(hostPort) };
  if (store.sentinel === undefined) return addressOfUrl(store.url ?? 'redis://localhost');
  const { addresses, master, db, username, passwordFile } = store.sentinel;
  const password = secretOf(
    env['FARM_REDIS_SENTINEL_PASSWORD'],
    'store.sentinel.passwordFile',
    passwordFile,
    read,
  );
  return {
    kind: 'sentinel',
    sentinels: addresses.map(hostPort),
    master,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

function addressOfUrl(text: string): RedisAddress {
  const { protocol, hostname, port, pathname, searchParams } = new URL(text);
  if (protocol === 'unix:') {
    return { kind: 'socket', path: decodeURIComponent(pathname), db: Number(searchParams.get('db') ?? 0) };
  }
  const host = hostname.replace(/^\[|\]$/gu, '');
  return { kind: 'server', host, port: Number(port === '' ? 6379 : port), db: Number(pathname.slice(1)) };
}

function loginOf(store: StoreSettings, read: Read, env: Environment): RedisLogin {
  const password = secretOf(env['FARM_REDIS_PASSWORD'], 'store.passwordFile', store.passwordFile, read);
  const { ca, cert, key, serverName } = store.tls ?? {};
  const encrypted = store.tls !== undefined || store.url?.startsWith('rediss:') === true;
  return {
    ...(store.username !== undefined && { username: store.username }),
    ...(password !== undefined && { password }),
    ...(encrypted && {
      tls: {
        ...(ca !== undefined && { ca: read('store.tls.ca', ca) }),
        ...(cert !== undefined && { cert: read('store.tls.cert', cert) }),
        ...(key !== undefined && { key: read('store.tls.key', key) }),
        ...(serverName !== undefined && { servername: serverName }),
      },
    }),
  };
}

/** The environment wins; a file's last line end is not part of a password. */
function secretOf(
  environment: string | undefined,
  field: string,
  file: string | undefined,
  read: Read,
): string | undefined {
  if (environment !== undefined && environment !== '') return environment;
  return file === undefined ? undefined : read(field, file).replace(/\r?\n$/u, '');
}

function hostPort(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/gu, ''), port: Number(text.slice(colon + 1)) };
}

function violation(field: string, description: string): FieldViolation {
  return { field, description };
}
