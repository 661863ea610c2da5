import { FarmError } from '../domain/errors.ts';
import type { JobState } from '../domain/job.ts';
import { hasEnded, jobStates, statusOf } from '../domain/job-states.ts';
import type { Farm } from '../engine/farm.ts';
import { LedLoop, type LedLoopOptions } from './led-loop.ts';
import { MirrorTable, type RowStanding } from './supabase-mirror-table.ts';
import type { SupabaseAccess } from './supabase-rest.ts';

export interface CancellationsOptions
  extends SupabaseAccess,
    Omit<LedLoopOptions, 'farm' | 'name' | 'begin'> {
  /** As the settings name it. */
  readonly farmName: string;
  readonly farm: Pick<Farm, 'orderJob' | 'onServing' | 'serving'>;
}

const pageRows = 100;
/** Rows beyond these wait for the next round. */
const pagesMax = 10;
const reason = "cancelled in the web application: its row in Supabase's jobs says so";

/**
 * Cancels jobs of ours whose row somebody else has set to `cancelled`, while this controller leads. A job that can be
 * cancelled no more gets its status back. Each cancellation is one request to the farm, however often it is found.
 */
export function cancellationLoop(options: CancellationsOptions): LedLoop {
  const table = new MirrorTable(options);
  const round = (signal: AbortSignal): Promise<object> => look({ ...options, table, signal });
  return new LedLoop({ ...options, name: 'rows cancelled in Supabase', begin: () => ({ round }) });
}

interface Round extends Pick<CancellationsOptions, 'farm' | 'farmName' | 'log'> {
  readonly table: MirrorTable;
  readonly signal: AbortSignal;
}

async function look(round: Round): Promise<object> {
  let seen = 0;
  let after = '';
  for (let page = 0; page < pagesMax; page += 1) {
    const rows = await round.table.cancelled(round.farmName, { limit: pageRows, after }, round.signal);
    for (const row of rows) await see(row, round);
    seen += rows.length;
    after = rows.at(-1)?.job_id ?? '';
    if (rows.length < pageRows) break;
  }
  return { seen };
}

async function see(row: RowStanding, { farm, table, log, signal }: Round): Promise<void> {
  const jobId = row.job_id;
  // Nobody could settle it; the mirror says what is wrong with it.
  if (row.revision === undefined) return;
  // The revision is of this cancellation: of another one, after a retry, the row has another.
  const requestId = `supabase-cancel:${jobId}:${row.revision}`;
  try {
    const { job } = await farm.orderJob({ kind: 'cancel', jobId, requestId, reason });
    log.info({ jobId }, 'a job was cancelled in Supabase');
    // The outbox writes it, unless the job was retried since.
    if (job.state !== 'cancelled') await table.settle(row, { farm_state: 'cancelled' }, signal);
  } catch (error) {
    if (!(error instanceof FarmError) || !isAnswer(error.code)) throw error;
    const columns = answerTo(row, error.code);
    if (columns === undefined) return;
    await table.settle(row, columns, signal);
    log.info({ jobId, code: error.code }, 'a job that was cancelled in Supabase can be cancelled no more');
  }
}

function isAnswer(code: string): boolean {
  return ['JOB_ENDED', 'JOB_PUBLISHING', 'JOB_NOT_FOUND', 'JOB_ARCHIVED', 'JOB_IN_SHADOW'].includes(code);
}

/** Undefined: what the farm has yet to tell of it says more. */
function answerTo(row: RowStanding, code: string): { farm_state?: string; status?: string } | undefined {
  const state = row.farm_state ?? '';
  if (isState(state) && hasEnded(state)) return { status: statusOf(state) };
  return code === 'JOB_NOT_FOUND' || code === 'JOB_ARCHIVED' ? { farm_state: 'cancelled' } : undefined;
}

function isState(text: string): text is JobState {
  return Object.hasOwn(jobStates, text);
}
