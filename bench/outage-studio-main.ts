/**
 * The studio of the outage bench in a process of its own, so that what the farm tells it does not slow the agents:
 * `node bench/outage-studio-main.ts USER`. Supabase (on PGlite) and BigQuery, each behind a gate. Prints
 * `studio {"supabase": URL, "bigQuery": URL, "control": URL}`. `control` takes `POST /kill` and `POST /come-back`, of both
 * gates; `GET /shown` answers with the rows that the farm has written.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import process from 'node:process';
import { BigQueryServer } from '../test/helpers/bigquery-server.ts';
import { serveOnLoopback } from '../test/helpers/http-stand-in.ts';
import { SupabaseServer } from '../test/helpers/supabase-server.ts';
import { OutageGate } from './outage-gate.ts';

const [userId = ''] = process.argv.slice(2);
// It lives as long as its process.
const t = { after: () => undefined };
const supabase = await SupabaseServer.studio(t, 'pglite');
const bigQuery = await BigQueryServer.open(t);
await addUser();
const gates = [await OutageGate.open(supabase.url), await OutageGate.open(bigQuery.url)] as const;
const control = await serveOnLoopback(t, obey);
const urls = { supabase: gates[0].url, bigQuery: gates[1].url, control };
process.on('SIGTERM', () => process.exit(0));
process.stdout.write(`studio ${JSON.stringify(urls)}\n`);

async function obey(request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (`${request.method ?? ''} ${request.url ?? ''}`) {
    case 'POST /kill':
      await Promise.all(gates.map((gate) => gate.kill()));
      break;
    case 'POST /come-back':
      await Promise.all(gates.map((gate) => gate.comeBack()));
      break;
    case 'GET /shown': {
      const jobs = await rows('jobs?select=job_id,status,progress,output_path,completed_at');
      const items = await rows('job_items?select=job_id');
      response.end(JSON.stringify({ jobs, items, results: bigQuery.jobs.rows }));
      return;
    }
    default:
      response.writeHead(404);
  }
  response.end();
}

async function rows(query: string): Promise<unknown> {
  const reply = await fetch(`${supabase.url}/rest/v1/${query}`);
  return await reply.json();
}

/** A name that is known keeps no submit waiting while Supabase is away; one that is not may keep one now and then. */
async function addUser(): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ id: userId, username: 'Bench' });
  const reply = await fetch(`${supabase.url}/rest/v1/profiles`, { method: 'POST', headers, body });
  if (!reply.ok) throw new Error(`the stand-in takes no user: ${reply.status} ${await reply.text()}`);
}
