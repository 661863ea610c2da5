import { itemTypes, type jobWire, toDuration, toOptionalDuration } from '../../proto/index.ts';
import type { Fault, Verification, VerifiedItem } from '../engine/verification.ts';
import { toOpinion } from './job-message.ts';

/** What was found out of a job that was not submitted. */
export function toVerification(said: Verification): jobWire.VerifyJobResponse {
  const { forecast } = said;
  return {
    accepted: said.accepted,
    renderable: said.renderable,
    problems: said.faults.map(toProblem),
    items: said.items.map(toVerifiedItem),
    videoCount: said.videoCount,
    totalDuration: toDuration(said.lengthMs),
    totalDurationKnown: said.lengthKnown,
    queue: said.queue ?? '',
    routeRule: said.routeRule ?? '',
    existed: said.existed,
    forecast: forecast?.summary ?? '',
    plannedAgentId: forecast?.agentId ?? '',
    plannedStart: toOptionalDuration(forecast?.startMs),
    plannedEnd: toOptionalDuration(forecast?.endMs),
    basis: forecast?.basis ?? '',
    agents: (forecast?.agents ?? []).map(toOpinion),
  };
}

function toVerifiedItem(item: VerifiedItem): jobWire.VerifiedItem {
  return {
    position: item.position,
    itemType: item.itemType === undefined ? 0 : itemTypes.toWire(item.itemType),
    videoId: item.videoId,
    path: item.path ?? '',
    pathAvailable: item.pathAvailable,
    duration: toOptionalDuration(item.durationMs),
    measured: item.measured,
    width: item.width ?? 0,
    height: item.height ?? 0,
    is4k: item.is4k,
    codec: item.codec ?? '',
    sizeBytes: item.sizeBytes ?? 0,
    problems: item.faults.map(toProblem),
    warnings: item.warnings,
    unknown: item.unknown ?? '',
  };
}

function toProblem({ field, code, message }: Fault): jobWire.VerifyProblem {
  return { field, code, message };
}
