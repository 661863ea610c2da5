import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { App } from '@supabase/lite';
import { createConnection } from '@supabase/lite/sqlite';
import { serveOnLoopback } from './http-stand-in.ts';

/** What becomes of a request: it is answered, refused with a status, never answered, or done with its answer lost. */
export type Fault = 'none' | 'hang' | 'lose-reply' | { readonly status: number };

/** A Supabase with real tables behind a real socket: PostgREST's API on SQLite. */
export class SupabaseServer {
  readonly app: App;
  /** Path and query of every request, in order. */
  readonly asked: string[] = [];
  /** Asked for each request. */
  fault: (request: IncomingMessage) => Fault = () => 'none';
  /** Awaited before a request is looked at: what somebody else does in the meantime. */
  before: (request: IncomingMessage) => Promise<void> = () => Promise.resolve();
  url = '';

  private constructor(app: App) {
    this.app = app;
  }

  /** @param schema the tables, as PostgreSQL's DDL */
  static async open(t: TestContext, schema: string): Promise<SupabaseServer> {
    const connection = createConnection({ url: ':memory:' });
    const app = new App({ connection, auth: { enabled: false } });
    await app.connection.createMigrator(schema).migrate();
    const server = new SupabaseServer(app);
    server.url = await serveOnLoopback(t, (request, response) => server.#handle(request, response));
    return server;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(request.url ?? '');
    await this.before(request);
    const fault = this.fault(request);
    if (fault === 'hang') return;
    if (typeof fault === 'object') {
      response.writeHead(fault.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: `refused with ${fault.status}`, code: '' }));
      return;
    }
    const body = Buffer.concat(await request.toArray());
    const answer = await this.app.fetch(
      new Request(`${this.url}${request.url}`, {
        method: request.method ?? 'GET',
        headers: new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
        ...(body.length > 0 && { body }),
      }),
    );
    if (fault === 'lose-reply') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  }
}
