import type { FastifyInstance } from 'fastify';
import { jobLimits } from '../domain/validate.ts';
import { badField } from './fields.ts';

/** Somewhat more than a job may have is read, so that all that is wrong with it can be told. */
const itemsReadMax = 2 * jobLimits.itemsMax;

/**
 * Refuses lists of items that no job has before each item is looked at: a body of 2 MiB holds 130,000 of them, whose
 * faults would keep this process busy for seconds.
 */
export function limitItems(app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    const count = itemsOf(request.body);
    const message = `has ${count} entries: a job has at most ${jobLimits.itemsMax}`;
    done(count > itemsReadMax ? badField('items', message) : undefined);
  });
}

function itemsOf(body: unknown): number {
  if (typeof body !== 'object' || body === null || !('items' in body)) return 0;
  return Array.isArray(body.items) ? body.items.length : 0;
}
