import type { ConnectionOptions } from 'node:tls';

/** A host of a Sentinel or a Cluster. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Where the Redis is. */
export type RedisAddress =
  | { readonly kind: 'server'; readonly host: string; readonly port: number; readonly db: number }
  | { readonly kind: 'socket'; readonly path: string; readonly db: number }
  | {
      readonly kind: 'sentinel';
      readonly sentinels: readonly HostPort[];
      readonly master: string;
      readonly db: number;
      readonly username?: string;
      readonly password?: string;
    }
  | { readonly kind: 'cluster'; readonly nodes: readonly HostPort[] };

/** How to show ourselves there. */
export interface RedisLogin {
  readonly username?: string;
  readonly password?: string;
  /** Encrypts; with it all hosts are asked for their certificates. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername'>;
}

/** For people: never a name or a password. */
export function addressText(address: RedisAddress): string {
  switch (address.kind) {
    case 'server':
      return `redis ${address.host}:${address.port}`;
    case 'socket':
      return `redis ${address.path}`;
    case 'sentinel':
      return `redis master ${address.master} of sentinels ${hosts(address.sentinels)}`;
    case 'cluster':
      return `redis cluster ${hosts(address.nodes)}`;
  }
}

function hosts(list: readonly HostPort[]): string {
  return list.map(({ host, port }) => `${host}:${port}`).join(', ');
}
