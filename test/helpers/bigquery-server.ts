import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
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
  readonly queryParameters: readonly {
    readonly name: string;
    readonly parameterType: { readonly type: string; readonly arrayType?: { readonly type: string } };
    readonly parameterValue: { readonly arrayValues?: readonly { readonly value: string }[] };
  }[];
}

type Row = Readonly<Record<string, string | null>>;

/** Speaks as much of BigQuery's REST API (v2) as the client library needs for a query that answers at once. */
export class BigQueryServer {
  readonly sent: SentQuery[] = [];
  /** What a query answers; an error with `status` is answered as BigQuery answers it. `hang`: never. */
  answer: (query: SentQuery) => readonly Row[] | 'hang' = () => [];
  url = '';

  static async open(t: TestContext): Promise<BigQueryServer> {
    const server = new BigQueryServer();
    server.url = await serveOnLoopback(t, (request, response) => server.#handle(request, response));
    return server;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await request.toArray()).toString();
    const [, project] = /^\/bigquery\/v2\/projects\/([^/]+)\/queries\?/u.exec(request.url ?? '') ?? [];
    assert.ok(project !== undefined && request.method === 'POST', `${request.method} ${request.url}`);
    const { authorization } = request.headers;
    const query = { ...(JSON.parse(text) as SentQuery), project, authorization };
    this.sent.push(query);
    try {
      const rows = this.answer(query);
      if (rows !== 'hang') reply(response, 200, answerOf(project, rows));
    } catch (error) {
      const { status = 500, reason = 'backendError', message } = error as Error & Partial<RestError>;
      reply(response, status, { error: { code: status, message, errors: [{ reason, message }] } });
    }
  }
}

/** An error as BigQuery tells it. */
export class RestError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
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
