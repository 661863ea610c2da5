import { FarmError } from '../domain/errors.ts';
import type { PageRequest } from '../engine/farm.ts';

const pageSizeDefault = 50;
const pageSizeMax = 1_000;
const tokenCharactersMax = 1_024;

/** @throws FarmError INVALID_REQUEST */
export function toPageRequest(request: {
  readonly pageSize: number;
  readonly pageToken: string;
}): PageRequest {
  const { pageSize, pageToken } = request;
  if (pageSize < 0 || pageSize > pageSizeMax) {
    throw badField('page_size', `must be between 1 and ${pageSizeMax}, or 0 for ${pageSizeDefault}`);
  }
  if (pageToken.length > tokenCharactersMax) throw badField('page_token', 'is not a token of this list');
  return { size: pageSize === 0 ? pageSizeDefault : pageSize, token: pageToken };
}

/** One bad field of a request. */
export function badField(field: string, description: string): FarmError {
  const violations = [{ field, description }];
  return new FarmError('INVALID_REQUEST', `${field}: ${description}`, { violations });
}
