import type { FastifyRequest } from 'fastify';
import { FarmError } from '../domain/errors.ts';
import { isPrintableName, nameCharactersMax } from '../domain/text-rules.ts';

const reasonCharactersMax = 500;

/** One bad field of a request. */
export function badField(field: string, description: string): FarmError {
  const violations = [{ field, description }];
  return new FarmError('INVALID_REQUEST', `${field}: ${description}`, { violations });
}

/** What makes a request that is sent again the same one; empty: nothing does. @throws FarmError INVALID_REQUEST */
export function requestIdOf({ headers }: Pick<FastifyRequest, 'headers'>): string {
  const given = headers['idempotency-key'];
  return nameOf(typeof given === 'string' ? given : '', 'idempotency-key');
}

/** Empty, or a name that can be shown. @throws FarmError INVALID_REQUEST */
export function nameOf(name: string | null | undefined, field: string): string {
  if (name === null || name === undefined || name === '') return '';
  if (!isPrintableName(name))
    throw badField(field, `must have at most ${nameCharactersMax} printable characters`);
  return name;
}

/** @throws FarmError INVALID_REQUEST */
export function textOf(text: string | null | undefined, field: string): string {
  if ((text?.length ?? 0) > reasonCharactersMax) {
    throw badField(field, `must have at most ${reasonCharactersMax} characters`);
  }
  return text ?? '';
}
