import { type farmWire, fromOptionalDuration, shadowVerdicts } from '../proto/index.ts';
import { present } from './present.ts';
import type { ShadowComparisonView, ShadowReportView, ShadowSideView } from './shadow-views.ts';

export function decodeShadowReport(reply: farmWire.GetShadowReportResponse): ShadowReportView {
  return {
    jobs: reply.jobs.map(decodeComparison),
    nextPageToken: reply.nextPageToken,
    ...present('trouble', reply.trouble),
  };
}

function decodeComparison(compared: farmWire.ShadowComparison): ShadowComparisonView {
  return {
    jobId: compared.jobId,
    channelName: compared.channelName,
    verdict: shadowVerdicts.fromWire(compared.verdict, 'verdict'),
    ours: compared.ours === undefined ? { status: '' } : decodeSide(compared.ours),
    ...present('old', compared.old && decodeSide(compared.old)),
    ...present('frames', compared.frames),
    ...present('sizeBytes', compared.sizeBytes),
    attemptCount: compared.attemptCount,
  };
}

function decodeSide(side: farmWire.ShadowSide): ShadowSideView {
  return {
    status: side.status,
    ...present('startedAt', side.startedAt),
    ...present('endedAt', side.endedAt),
    ...present('durationMs', fromOptionalDuration(side.length, 'length')),
    ...present('workerId', side.workerId),
    ...present('errorMessage', side.errorMessage),
  };
}
