import { jobStateNames, jobStatusNames, type jobWire } from '../../proto/index.ts';
import { hasEnded } from '../domain/job-states.ts';
import type { ResultRow } from '../domain/result-row.ts';
import { isPrintable } from '../domain/text-rules.ts';
import type { HistoryFilter } from '../history/port.ts';
import { badField } from './page-request.ts';

/** Of what a filter names; as over HTTP. */
const textCharactersMax = 512;

/** @throws FarmError INVALID_REQUEST */
export function toHistoryFilter(request: jobWire.ListHistoryRequest): HistoryFilter {
  const { userId, queue, agentId, channelText } = request;
  for (const [field, text] of Object.entries({
    user_id: userId,
    queue,
    agent_id: agentId,
    channel_text: channelText,
  })) {
    if (!isPrintable(text) || text.length > textCharactersMax)
      throw badField(field, `must have at most ${textCharactersMax} printable characters`);
  }
  const states = request.states.map((state, index) => {
    const name = jobStateNames.fromWire(state, `states[${index}]`);
    if (!hasEnded(name)) throw badField(`states[${index}]`, 'is no state in which a job has ended');
    return name;
  });
  return {
    ...(userId !== '' && { userId }),
    ...(queue !== '' && { queue }),
    ...(agentId !== '' && { agentId }),
    ...(channelText !== '' && { channelText }),
    ...(states.length > 0 && { states }),
    ...toEnds(request),
  };
}

/** Between which ends. @throws FarmError INVALID_REQUEST */
export function toEnds({
  endedFrom,
  endedBefore,
}: Pick<jobWire.ListHistoryRequest, 'endedFrom' | 'endedBefore'>): Pick<
  HistoryFilter,
  'endedFromMs' | 'endedBeforeMs'
> {
  return {
    ...(endedFrom && { endedFromMs: timeOf(endedFrom, 'ended_from') }),
    ...(endedBefore && { endedBeforeMs: timeOf(endedBefore, 'ended_before') }),
  };
}

function timeOf(time: Date, field: string): number {
  const atMs = time.getTime();
  if (!Number.isFinite(atMs)) throw badField(field, 'is no point in time');
  return atMs;
}

export function toResultRow(row: ResultRow): jobWire.ResultRow {
  return {
    jobId: row.job_id,
    username: row.username,
    channelName: row.channel_name,
    timestamp: new Date(row.timestamp),
    videoCount: row.video_count,
    totalDuration: row.total_duration ?? undefined,
    outputPath: row.output_path ?? undefined,
    workerId: row.worker_id ?? undefined,
    featuresUsed: row.features_used,
    processingTime: row.processing_time ?? undefined,
    status: jobStatusNames.toWire(row.status),
  };
}
