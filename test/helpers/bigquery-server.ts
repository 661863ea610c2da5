import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { BigQueryJobs } from './bigquery-jobs.ts';
import type { RestError, SentParameter } from './bigquery-words.ts';
import { serveOnLoopback } from './http-stand-in.ts';

/** A query as the client sent it: `POST /projects/PROJECT/queries`. */
export interface SentQuery {
  readonly project: string;
  readonly authorization: string | undefined;
  readonly query: string;
  readonly parameterMode: string;
  readonly useLegacySql: boolean;
  readonly location?: string;
  readonly timeoutMs?: number;
  readonly queryParameters: readonly SentParameter[];
}

type Row = Readonly<Record<string, string | null>>;

/**
 * Speaks as much of BigQuery's REST API (v2) as the client library needs for a query that answers at once, and for
 * query jobs with an id of their own.
 */
export class BigQueryServer {
  readonly sent: SentQuery[] = [];
  readonly jobs = new BigQueryJobs();
  /** What a query answers; an error with `status` is answered as BigQuery answers it. `hang`: never. */
  answer: (query: SentQuery) => readonly Row[] | 'hang' = () => [];
  /** What comes before any answer: throws for one that is away. */
  before: (request: string) => void = () => undefined;
  url = '';

  static async open(t: Pick<TestContext, 'after'>): Promise<BigQueryServer> {
    const server = new BigQueryServer();
    server.url = await serveOnLoopback(t, (request, response) => server.#handle(request, response));
    return server;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await request.toArray()).toString();
    const { method = '', headers } = request;
    const url = new URL(request.url ?? '', this.url);
    const [, project = '', path = ''] = /^\/bigquery\/v2\/projects\/([^/]+)\/(.*)$/u.exec(url.pathname) ?? [];
    try {
      this.before(`${method} ${path}`);
      if (method === 'POST' && path === 'queries') {
        const query = {
          ...(JSON.parse(text) as SentQuery),
          project,
          authorization: headers.authorization,
        };
        this.sent.push(query);
        const rows = this.answer(query);
        if (rows !== 'hang') reply(response, 200, answerOf(project, rows));
      } else if (method === 'POST' && path === 'jobs') {
        const answer = this.jobs.insert(project, JSON.parse(text));
        if (answer === 'lost') response.destroy();
        else reply(response, 200, answer);
      } else {
        const [, jobId] = /^jobs\/([\w-]+)$/u.exec(path) ?? [];
        assert.ok(method === 'GET' && jobId !== undefined, `${method} ${request.url}`);
        reply(response, 200, this.jobs.get(project, jobId, url.searchParams.get('location')));
      }
    } catch (error) {
      const { status = 500, reason = 'backendError', message } = error as Error & Partial<RestError>;
      reply(response, status, { error: { code: status, message, errors: [{ reason, message }] } });
    }
  }
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function answerOf(projectId: string, rows: readonly Row[]): object {
  const names = Object.keys(rows[0] ?? { video_id: '', path: '' });
  return {
    kind: 'bigquery#queryResponse',
    schema: { fields: names.map((name) => ({ name, type: 'STRING', mode: 'NULLABLE' })) },
    jobReference: { projectId, jobId: 'job_1', location: 'EU' },
    totalRows: String(rows.length),
    rows: rows.map((row) => ({ f: names.map((name) => ({ v: row[name] })) })),
    jobComplete: true,
    cacheHit: false,
  };
}
