import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FarmError } from '../domain/errors.ts';

/** Who may call. */
export interface Access {
  /** Every request must show it, as `authorization: Bearer` or `x-api-key`. Absent: whoever reaches us may call. */
  readonly token?: string;
  /** Origins of other pages whose scripts may call, e.g. `http://localhost:3000`. */
  readonly origins: readonly string[];
}

/** Refuses every request that may not call, before its body is read. A browser may always ask whether it may ask. */
export function guard(app: FastifyInstance, { token, origins }: Access): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.method === 'OPTIONS') done();
    else done(token === undefined ? foreignPage(request, origins) : wrongToken(request, token));
  });
}

function wrongToken({ headers }: FastifyRequest, token: string): FarmError | undefined {
  const given = headers['x-api-key'] ?? headers.authorization?.replace(/^bearer +/iu, '');
  if (typeof given !== 'string') {
    const message = 'The request brings no token (authorization: Bearer ..., or x-api-key)';
    return new FarmError('UNAUTHENTICATED', message);
  }
  // Digests have one length, so that the comparison tells nothing about the token, its length included.
  if (timingSafeEqual(digest(given), digest(token))) return undefined;
  return new FarmError('UNAUTHENTICATED', "The token is not this farm's");
}

/** A page elsewhere could have a browser of this PC order anything: where there is no token, only pages of ours may. */
class ForeignOriginError extends Error {
  readonly statusCode = 403;
}

function foreignPage(
  { headers }: FastifyRequest,
  origins: readonly string[],
): ForeignOriginError | undefined {
  const { host = '', origin } = headers;
  // A name that somebody else's DNS points at this PC.
  if (!isLoopbackHost(host)) return new ForeignOriginError(`Host ${host} is not this PC`);
  const own = [`http://${host}`, `https://${host}`, ...origins];
  if (origin === undefined || own.includes(origin)) return undefined;
  return new ForeignOriginError(`Pages of ${origin} may not call (setting web.origins)`);
}

function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/u, '').replace(/^\[(.*)\]$/u, '$1');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
