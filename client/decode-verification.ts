import { fromDuration, fromOptionalDuration, itemTypes, type jobWire } from '../proto/index.ts';
import { decodeOpinion } from './decode-explanation.ts';
import { present } from './present.ts';
import type { Verification, VerifiedItem } from './verify-views.ts';

export function decodeVerification(reply: jobWire.VerifyJobResponse): Verification {
  return {
    accepted: reply.accepted,
    ...present('renderable', reply.renderable),
    problems: reply.problems,
    items: reply.items.map(decodeItem),
    videoCount: reply.videoCount,
    lengthMs: fromDuration(reply.totalDuration, 'total_duration'),
    lengthKnown: reply.totalDurationKnown,
    ...present('queue', reply.queue),
    ...present('routeRule', reply.routeRule),
    existed: reply.existed,
    ...present('forecast', reply.forecast),
    ...present('plannedAgentId', reply.plannedAgentId),
    ...present('plannedStartMs', fromOptionalDuration(reply.plannedStart, 'planned_start')),
    ...present('plannedEndMs', fromOptionalDuration(reply.plannedEnd, 'planned_end')),
    ...present('basis', reply.basis),
    agents: reply.agents.map(decodeOpinion),
  };
}

function decodeItem(item: jobWire.VerifiedItem): VerifiedItem {
  return {
    position: item.position,
    ...present('itemType', itemTypes.nameOf(item.itemType)),
    ...present('videoId', item.videoId),
    ...present('path', item.path),
    ...present('pathAvailable', item.pathAvailable),
    ...present('durationMs', fromOptionalDuration(item.duration, 'duration')),
    measured: item.measured,
    ...present('width', item.width === 0 ? undefined : item.width),
    ...present('height', item.height === 0 ? undefined : item.height),
    ...present('is4k', item.is4k),
    ...present('codec', item.codec),
    ...present('sizeBytes', item.sizeBytes === 0 ? undefined : item.sizeBytes),
    problems: item.problems,
    warnings: item.warnings,
    ...present('unknown', item.unknown),
  };
}
