import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { LogNews, LogQuery } from '../domain/log-files.ts';
import { isJobId } from '../domain/validate.ts';
import type { WebContext } from './context.ts';
import { badField } from './fields.ts';
import { failures, jobParams } from './schemas.ts';

/** A reader that takes nothing for this long is cut off. */
const drainMs = 10_000;
/** Of the response's own stream; the reader of the disk goes no further ahead. */
const bufferedBytesMax = 64 * 1024;

const count = (max: number) => z.coerce.number().pipe(z.int().min(0).max(max));
const logQuery = z.object({
  file: z.enum(['job.log', 'ffmpeg_cmd.txt', 'ffmpeg_stderr.txt']).default('job.log'),
  attempt: count(1_000_000)
    .optional()
    .describe('Only what this attempt wrote. Default: all of job.log, the newest attempt of other files.'),
  offset: count(Number.MAX_SAFE_INTEGER).default(0).describe('First byte; as `range: bytes=N-`.'),
  offset_attempt: count(1_000_000).optional().describe('Whose file `offset` counts in: `x-log-attempt`.'),
  tail: count(100_000).optional().describe('The last lines instead.'),
  follow: z
    .enum(['0', '1', 'false', 'true'])
    .default('0')
    .describe('Goes on until the job has ended and its log is whole.'),
});

/** Logs of jobs, as they are. */
export const logRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context },
  done,
) => {
  const stopping = new AbortController();
  // What is followed has no end of its own.
  app.addHook('preClose', (stopped) => {
    stopping.abort();
    stopped();
  });
  app.get(
    '/api/jobs/:job_id/log',
    {
      schema: {
        tags: ['jobs'],
        summary: 'A file of the log of a job, as plain text, as far as it is here or live.',
        produces: ['text/plain'],
        params: jobParams,
        querystring: logQuery,
        response: { 200: z.string().describe('The bytes of the file.'), ...failures },
      },
    },
    async (request, reply) => {
      const query = toQuery(request.params.job_id, request.query, request.headers.range);
      return await answer(context, query, stopping.signal, request, reply);
    },
  );
  done();
};

async function answer(
  { reads, logDrainMs = drainMs }: WebContext,
  query: LogQuery & { readonly isRange: boolean },
  stopping: AbortSignal,
  { raw: { socket } }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const over = new AbortController();
  const news = reads.read(query, AbortSignal.any([over.signal, stopping]));
  endWith(reply, () => {
    over.abort();
    // A body of which nothing was taken ends nothing.
    void news.return().catch(() => undefined);
  });
  // Errors come before the first byte does: they have a status of their own.
  const first = await news.next();
  if (first.done === true || first.value.kind !== 'begin') return reply.code(204).send();
  const { attempt, offsetBytes, sizeBytes } = first.value;
  reply.header('content-type', 'text/plain; charset=utf-8').header('x-content-type-options', 'nosniff');
  reply.header('x-log-attempt', attempt).header('x-log-offset', offsetBytes);
  reply.header('cache-control', 'no-store');
  if (!query.follow) reply.header('content-length', sizeBytes - offsetBytes).header('accept-ranges', 'bytes');
  if (query.isRange && !query.follow && offsetBytes < sizeBytes) {
    reply.code(206).header('content-range', `bytes ${offsetBytes}-${sizeBytes - 1}/${sizeBytes}`);
  }
  if (query.follow) keepOpen(socket, reply);
  return reply.send(bodyOf(news, logDrainMs));
}

/** Ends what is done for a caller when he has left, or already has. */
function endWith({ raw }: FastifyReply, end: () => void): void {
  if (raw.destroyed) end();
  else raw.once('close', end);
}

/** A log that does not grow is no connection that nobody uses; keep-alive finds out about peers that are gone. */
function keepOpen(socket: FastifyRequest['raw']['socket'], reply: FastifyReply): void {
  const idleMs = socket.timeout ?? 0;
  socket.setTimeout(0);
  socket.setKeepAlive(true, 30_000);
  reply.raw.once('close', () => socket.setTimeout(idleMs));
}

/** The bytes, one piece at a time; a reader that takes none loses its connection. */
function bodyOf(news: AsyncGenerator<LogNews, void, undefined>, waitMs: number): Readable {
  const body = Readable.from(bytesOf(), { objectMode: false, highWaterMark: bufferedBytesMax });
  return body;

  async function* bytesOf(): AsyncGenerator<Uint8Array> {
    for await (const one of news) {
      if (one.kind !== 'data') continue;
      const timer = setTimeout(
        () => body.destroy(new Error(`The reader took nothing for ${waitMs} ms`)),
        waitMs,
      );
      try {
        yield one.data;
      } finally {
        clearTimeout(timer);
      }
    }
  }
}

/** @throws FarmError INVALID_REQUEST */
function toQuery(
  jobId: string,
  { file, attempt, offset, offset_attempt: offsetAttempt, tail, follow }: z.output<typeof logQuery>,
  range: string | undefined,
): LogQuery & { readonly isRange: boolean } {
  if (!isJobId(jobId)) throw badField('job_id', 'must be a UUID');
  // Other ranges may be ignored (RFC 9110, 14.2): nobody needs them of a log.
  const [, from] = /^bytes=(\d{1,15})-$/u.exec(range ?? '') ?? [];
  return {
    jobId: jobId.toLowerCase(),
    file,
    offsetBytes: from === undefined ? offset : Number(from),
    isRange: from !== undefined,
    follow: follow === '1' || follow === 'true',
    ...(attempt !== undefined && attempt > 0 && { attempt }),
    ...(offsetAttempt !== undefined && offsetAttempt > 0 && { offsetAttempt }),
    ...(tail !== undefined && tail > 0 && { tailLines: tail }),
  };
}
