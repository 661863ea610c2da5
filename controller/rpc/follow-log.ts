import { jobLogFiles, type jobWire } from '../../proto/index.ts';
import type { LogNews, LogQuery } from '../domain/log-files.ts';
import type { RpcContext } from './context.ts';
import { requiredJobId } from './order-fields.ts';
import { badField } from './page-request.ts';

const attemptsMax = 1_000_000;
const tailLinesMax = 100_000;

/** FollowLog: nothing is read before the reader has taken what came before. */
export async function* followLog(
  { reads }: RpcContext,
  request: jobWire.FollowLogRequest,
  signal: AbortSignal,
): AsyncGenerator<jobWire.FollowLogResponse> {
  for await (const news of reads.read(toQuery(request), signal)) yield toResponse(news);
}

function toResponse(news: LogNews): jobWire.FollowLogResponse {
  const { attempt, offsetBytes, kind } = news;
  return {
    data: Buffer.from(kind === 'data' ? news.data : []),
    offsetBytes,
    attempt,
    isLast: kind === 'end',
    isWhole: kind === 'end' && news.isWhole,
  };
}

/** @throws FarmError INVALID_REQUEST */
function toQuery(request: jobWire.FollowLogRequest): LogQuery {
  const { attempt, offsetBytes, offsetAttempt, tailLines, follow } = request;
  inRange(attempt, attemptsMax, 'attempt');
  inRange(offsetAttempt, attemptsMax, 'offset_attempt');
  inRange(offsetBytes, Number.MAX_SAFE_INTEGER, 'offset_bytes');
  inRange(tailLines, tailLinesMax, 'tail_lines');
  return {
    jobId: requiredJobId(request.jobId),
    file: request.file === 0 ? 'job.log' : jobLogFiles.fromWire(request.file, 'file'),
    offsetBytes,
    follow,
    ...(attempt > 0 && { attempt }),
    ...(offsetAttempt > 0 && { offsetAttempt }),
    ...(tailLines > 0 && { tailLines }),
  };
}

function inRange(value: number, max: number, field: string): void {
  if (value < 0 || value > max) throw badField(field, `must be 0 to ${max}`);
}
