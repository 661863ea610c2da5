import { type farmWire, shadowVerdicts, toOptionalDuration, toOptionalTimestamp } from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { ShadowComparison, ShadowSide } from '../domain/stored-jobs.ts';
import type { RpcContext } from './context.ts';
import { toPageRequest } from './page-request.ts';

/** GetShadowReport: what both farms made of the same jobs. */
export async function shadowReport(
  { shadow }: Pick<RpcContext, 'shadow'>,
  request: farmWire.GetShadowReportRequest,
): Promise<farmWire.GetShadowReportResponse> {
  const page = toPageRequest(request);
  if (shadow === undefined)
    throw new FarmError('NOT_IN_SHADOW', 'this farm is no shadow, or has nothing to compare with');
  const { jobs, nextToken, trouble } = await shadow.report(page);
  return { jobs: jobs.map(toComparison), nextPageToken: nextToken, trouble: trouble ?? '' };
}

function toComparison(comparison: ShadowComparison): farmWire.ShadowComparison {
  const { jobId, channelName, verdict, ours, old, frames, sizeBytes, attemptCount } = comparison;
  return {
    jobId,
    channelName,
    verdict: shadowVerdicts.toWire(verdict),
    ours: toSide(ours),
    old: old && toSide(old),
    frames,
    sizeBytes,
    attemptCount,
  };
}

function toSide(side: ShadowSide): farmWire.ShadowSide {
  return {
    status: side.status,
    startedAt: toOptionalTimestamp(side.startedAtMs),
    endedAt: toOptionalTimestamp(side.endedAtMs),
    length: toOptionalDuration(side.durationMs),
    workerId: side.workerId ?? '',
    errorMessage: side.errorMessage ?? '',
  };
}
