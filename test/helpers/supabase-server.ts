import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { App, type Connection } from '@supabase/lite';
import { createPgliteConnection, type PgliteConnection } from '@supabase/lite/pglite';
import { createConnection } from '@supabase/lite/sqlite';
import { serveOnLoopback } from './http-stand-in.ts';

/** What becomes of a request: it is answered, refused with a status, never answered, or done with its answer lost. */
export type Fault =
  | 'none'
  | 'hang'
  | 'lose-reply'
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** PostgREST has one for each question that it does not like; what is behind it has none. */
      readonly code?: string;
    };

export type SupabaseDatabase = 'sqlite' | 'pglite';

const migrationsDir = new URL('../../deploy/supabase/migrations/', import.meta.url);

/** A Supabase with real tables behind a real socket: PostgREST's API on SQLite, or on PostgreSQL (PGlite). */
export class SupabaseServer {
  readonly app: App;
  /** Path and query of every request, in order. */
  readonly asked: string[] = [];
  /** Asked for each request. */
  fault: (request: IncomingMessage) => Fault = () => 'none';
  /** Awaited before a request is looked at: what somebody else does in the meantime. */
  before: (request: IncomingMessage) => Promise<void> = () => Promise.resolve();
  url = '';
  readonly #pglite: PgliteConnection | undefined;

  private constructor(app: App, pglite?: PgliteConnection) {
    this.app = app;
    this.#pglite = pglite;
  }

  /** @param schema the tables, as PostgreSQL's DDL; on SQLite */
  static async open(t: Pick<TestContext, 'after'>, schema: string): Promise<SupabaseServer> {
    const app = appOn(createConnection({ url: ':memory:' }));
    await app.connection.createMigrator(schema).migrate();
    return await new SupabaseServer(app).#listen(t);
  }

  /** The studio's tables and ours, from the migrations in deploy/. Starting PostgreSQL takes some seconds. */
  static async studio(t: Pick<TestContext, 'after'>, database: SupabaseDatabase): Promise<SupabaseServer> {
    if (database === 'sqlite') return await SupabaseServer.open(t, forSqlite(await migrations()));
    const server = await SupabaseServer.postgres(t);
    await server.sql(`${await migrations()}${exactRevisions}`);
    return server;
  }

  /** An empty PostgreSQL. */
  static async postgres(t: Pick<TestContext, 'after'>): Promise<SupabaseServer> {
    const pglite = await createPgliteConnection();
    t.after(() => pglite.close());
    return await new SupabaseServer(appOn(pglite), pglite).#listen(t);
  }

  /** Statements beside PostgREST, on PostgreSQL; tables that they change are read anew. */
  async sql(statements: string): Promise<readonly unknown[]> {
    if (this.#pglite === undefined) throw new Error('only PostgreSQL takes statements');
    const results = await this.#pglite.driver.exec(statements);
    await this.#pglite.introspect();
    return results.at(-1)?.rows ?? [];
  }

  async #listen(t: Pick<TestContext, 'after'>): Promise<this> {
    this.url = await serveOnLoopback(t, (request, response) => this.#handle(request, response));
    return this;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(request.url ?? '');
    // A connection that idled away between two requests would be one more fault.
    response.setHeader('connection', 'close');
    await this.before(request);
    const fault = this.fault(request);
    if (fault === 'hang') return;
    if (typeof fault === 'object') {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      const { code = fault.status === 400 ? 'PGRST100' : '' } = fault;
      response.end(JSON.stringify({ message: `refused with ${fault.status}`, code }));
      return;
    }
    const body = Buffer.concat(await request.toArray());
    const answer = await this.app.fetch(
      new Request(`${this.url}${quoted(request.url ?? '')}`, {
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

/** The stand-in compares what looks like a number as a double, which revisions do not fit. */
function quoted(url: string): string {
  return url.replace(/([?&]revision=[a-z]+\.)(\d+)/gu, '$1%22$2%22');
}

function appOn(connection: Connection): App {
  const app: unknown = new App({ connection, auth: { enabled: false } });
  return app as App;
}

export async function migrations(): Promise<string> {
  const files = (await readdir(migrationsDir)).filter((file) => file.endsWith('.sql')).sort();
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, migrationsDir), 'utf8')));
  return texts.join('\n');
}

/**
 * The translator to SQLite takes no `if not exists`, and makes a double of `numeric`. As texts revisions compare as they
 * should while all have the same number of digits.
 */
function forSqlite(sql: string): string {
  return sql
    .replaceAll(/\b(table|index|column) if not exists\b/gu, '$1')
    .replace('revision numeric not null default 0', "revision text not null default '0'");
}

/** The stand-in makes a double of what is sent for `numeric`; PostgREST hands it to PostgreSQL as it is. */
const exactRevisions = `
  create domain exact_numeric as numeric;
  alter table jobs alter column revision type exact_numeric;
`;
