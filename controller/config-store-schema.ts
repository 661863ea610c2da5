import { z } from 'zod';

const path = z.string().min(1, 'must not be empty').max(4_096);
const userName = z.string().min(1).max(128);
const hostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/u, 'must be host:port')
  .refine((text) => Number(/\d+$/u.exec(text)?.[0]) <= 65_535, 'must have a port up to 65535');
const db = z.int().min(0).max(1_023);

const sentinel = z.strictObject({
  addresses: z.array(hostPort).min(1).max(32).describe('The Sentinels, `host:port` each.'),
  master: z.string().min(1).max(128).describe('Name of the master that they watch.'),
  db: db.default(0).describe('Number of the database on the master.'),
  username: userName.optional().describe('Our name at the Sentinels.'),
  passwordFile: path
    .optional()
    .describe('File with the password for it. Environment `FARM_REDIS_SENTINEL_PASSWORD`.'),
});

const tls = z.strictObject({
  ca: path
    .optional()
    .describe('PEM file: who signed the certificate of the Redis. Default: the usual authorities.'),
  cert: path.optional().describe('PEM file of our own certificate, where the Redis wants one.'),
  key: path.optional().describe('PEM file of its key.'),
  serverName: z.string().min(1).max(255).optional().describe('Name in the certificate. Default: the host.'),
});

/** Where the farm is kept: what an operator may write. */
export const storeSettings = z.strictObject({
  kind: z
    .enum(['sqlite', 'redis'])
    .default('sqlite')
    .describe('`sqlite`: one file on a local disk. `redis`: needed for a standby controller.'),
  file: path.optional().describe('SQLite: the database. Default: `farm.sqlite` in `dataDir`.'),
  url: z
    .string()
    .max(4_096)
    .refine(isRedisUrl, 'must be redis://host:port/db, rediss://host:port/db or unix:///path/redis.sock')
    .refine(hasNoLogin, 'must not hold a name or a password: use store.username and store.passwordFile')
    .optional()
    .describe('Redis: one server, `redis://host:6379/0`, `rediss://...` (TLS) or `unix:///path/redis.sock`.'),
  sentinel: sentinel.optional().describe('Redis: instead of `url`, a master that Sentinels watch.'),
  cluster: z
    .array(hostPort)
    .min(1)
    .max(64)
    .optional()
    .describe('Redis: instead of `url`, some hosts of a Cluster.'),
  username: userName.optional().describe('Redis: our name there (ACL).'),
  passwordFile: path.optional().describe('Redis: file with the password. Environment `FARM_REDIS_PASSWORD`.'),
  tls: tls.optional().describe('Redis: encrypts, also to Sentinels.'),
  keyPrefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/u, 'must be letters, digits, dots, dashes; at most 64')
    .default('renderfarm')
    .describe('Redis: every key is `{keyPrefix:farm}:...`, so that many farms share a Redis.'),
});

export type StoreSettings = z.output<typeof storeSettings>;

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  if (hash !== '') return false;
  if (protocol === 'unix:')
    return hostname === '' && pathname.length > 1 && /^(\?db=\d{1,4})?$/u.test(search);
  const isRedis = protocol === 'redis:' || protocol === 'rediss:';
  return isRedis && hostname !== '' && /^(\/\d{0,4})?$/u.test(pathname) && search === '';
}

function hasNoLogin(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}
