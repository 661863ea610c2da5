import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { FarmError } from '../domain/errors.ts';

/** @throws FarmError UNAUTHENTICATED */
export type Authorise = (metadata: Metadata) => void;

/** Asks every call for `authorization: Bearer TOKEN`; for nothing where there is no token. */
export function authoriseWith(token: string | undefined): Authorise {
  if (token === undefined) return () => undefined;
  const expected = digest(`Bearer ${token}`);
  return (metadata) => {
    const [given] = metadata.get('authorization');
    if (typeof given !== 'string') {
      throw new FarmError('UNAUTHENTICATED', 'The call brings no token (authorization: Bearer ...)');
    }
    // Digests have one length, so that the comparison tells nothing about the token, its length included.
    if (!timingSafeEqual(digest(normalise(given)), expected)) {
      throw new FarmError('UNAUTHENTICATED', "The token is not this farm's");
    }
  };
}

/** The scheme's case does not count (RFC 9110, section 11.1). */
function normalise(authorization: string): string {
  return authorization.replace(/^bearer +/iu, 'Bearer ');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
