import { randomUUID } from 'node:crypto';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { FarmError, type FieldViolation, farmErrors, type GrpcStatusName } from '../domain/errors.ts';
import type { WebLogger } from './context.ts';
import type { errorReply } from './schemas.ts';

const httpStatus: Readonly<Record<GrpcStatusName, number>> = {
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
  UNAUTHENTICATED: 401,
  OUT_OF_RANGE: 400,
  ABORTED: 409,
  INTERNAL: 500,
};

/** What only this door refuses; everything else has its code in `farmErrors`. */
export const webErrors = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'FOREIGN_ORIGIN',
  404: 'NO_SUCH_ROUTE',
  408: 'REQUEST_TIMEOUT',
  413: 'BODY_TOO_LARGE',
  414: 'URL_TOO_LONG',
  415: 'NOT_JSON',
} as const;

/** A client that is told to come back and not when waits this long: seconds. */
const retryAfterS = 5;
const violationsMax = 50;

type ErrorBody = z.input<typeof errorReply>;

/** The one map from what went wrong to what the caller is told. What nobody expected is in the log, under an id. */
export function errorHandler(logger: WebLogger) {
  return (error: FastifyError | FarmError, request: FastifyRequest, reply: FastifyReply): void => {
    if (error instanceof FarmError) {
      const { status, retry } = farmErrors[error.code];
      if (retry)
        reply.header('retry-after', Math.ceil((error.retryAfterMs ?? retryAfterS * 1_000) / 1_000) || 1);
      send(reply, httpStatus[status], bodyOf(error));
    } else if (hasZodFastifySchemaValidationErrors(error)) {
      const violations = error.validation.map(({ instancePath, message }) => ({
        field: fieldOf(instancePath),
        description: message ?? 'is not valid',
      }));
      const facts = { violations: violations.slice(0, violationsMax) };
      send(reply, 400, bodyOf(new FarmError('INVALID_REQUEST', sentenceOf(violations), facts)));
    } else if (isOfRequest(error.statusCode)) {
      send(reply, error.statusCode, { detail: error.message, code: webErrors[error.statusCode] });
    } else {
      const errorId = randomUUID();
      logger.error(
        { err: error, errorId, route: request.routeOptions.url },
        'A request failed for a reason that nobody expected',
      );
      const detail = `Internal error; the controller's log has it as ${errorId}`;
      send(reply, 500, { detail, code: 'INTERNAL' });
    }
  };
}

function isOfRequest(status: number | undefined): status is keyof typeof webErrors {
  return status !== undefined && status in webErrors;
}

function send(reply: FastifyReply, status: number, body: ErrorBody): void {
  reply.code(status).send(body);
}

function bodyOf({ code, message, violations, info }: FarmError): ErrorBody {
  return {
    detail: message,
    code,
    ...(violations.length > 0 && {
      violations: violations.slice(0, violationsMax).map((one) => ({ ...one })),
    }),
    ...(Object.keys(info).length > 0 && { info: { ...info } }),
  };
}

/** `/items/3/duration` as callers know it: `items[3].duration`. */
function fieldOf(instancePath: string): string {
  const parts = instancePath.split('/').filter((part) => part !== '');
  return parts.reduce(
    (path, part) => (/^\d+$/u.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`),
    '',
  );
}

function sentenceOf(violations: readonly FieldViolation[]): string {
  const named = violations.slice(0, 3).map(({ field, description }) => `${field || 'body'}: ${description}`);
  const more = violations.length > named.length ? ` and ${violations.length - named.length} more` : '';
  return `${named.join('; ')}${more}`;
}
