import type { z } from 'zod';
import { durationLimits } from '../domain/validate-item.ts';
import type { Fault, Verification, VerifiedItem } from '../engine/verification.ts';
import type { VerifyBody, verifyReply } from './verify-schemas.ts';

type Reply = z.input<typeof verifyReply>;

/** What was given and what was found out, together. */
export function toVerifyReply(body: VerifyBody, said: Verification): Reply {
  const { forecast } = said;
  return {
    job_id: body.job_id ?? null,
    user_id: body.user_id ?? null,
    channel_name: body.channel_name ?? null,
    enable_4k: body.enable_4k ?? false,
    priority: body.priority ?? null,
    queue: body.queue ?? null,
    items: said.items.map((item, index) => toItem(body.items[index], item)),
    accepted: said.accepted,
    renderable: said.renderable ?? null,
    problems: said.faults.map(toProblem),
    existed: said.existed,
    video_count: said.videoCount,
    total_duration: said.lengthMs / 1_000,
    total_duration_known: said.lengthKnown,
    queue_name: said.queue ?? null,
    route_rule: said.routeRule ?? null,
    expected_start_seconds: secondsOf(forecast?.startMs),
    expected_end_seconds: secondsOf(forecast?.endMs),
    expected_agent: forecast?.agentId ?? null,
    forecast: forecast?.summary ?? null,
    forecast_basis: forecast?.basis ?? null,
    agents: (forecast?.agents ?? []).map(({ agentId, feasible, reasons, outlook }) => ({
      agent_id: agentId,
      can_take_it: feasible,
      reasons: [...reasons],
      expected_end_seconds: secondsOf(outlook?.endInMs),
    })),
  };
}

/** Fields that a submit has keep the meaning that they have there. */
function toItem(given: VerifyBody['items'][number] | undefined, item: VerifiedItem): Reply['items'][number] {
  const { width, height } = item;
  return {
    position: item.position,
    item_type: given?.item_type ?? null,
    video_id: given?.video_id ?? null,
    path: item.path ?? given?.path ?? null,
    title: given?.title ?? null,
    logo_path: given?.logo_path ?? null,
    duration: secondsOf(isEstimate(item.durationMs) ? item.durationMs : undefined),
    text_animation_text: given?.text_animation_text ?? null,
    text_animation_words: given?.text_animation_words ?? null,
    resolution:
      width === undefined || height === undefined ? (given?.resolution ?? null) : `${width}x${height}`,
    is_4k: item.is4k ?? given?.is_4k ?? null,
    path_available: item.pathAvailable ?? null,
    measured: item.measured,
    measured_duration: secondsOf(item.measured ? item.durationMs : undefined),
    codec: item.codec ?? null,
    size_bytes: item.sizeBytes ?? null,
    problems: item.faults.map(toProblem),
    warnings: [...item.warnings],
    unknown: item.unknown ?? null,
  };
}

/** A file may be longer than what a submit takes as an estimate of it. */
function isEstimate(ms: number | undefined): boolean {
  return ms !== undefined && ms >= durationLimits.minMs && ms <= durationLimits.maxMs;
}

function toProblem({ field, code, message }: Fault): { field: string; code: string; message: string } {
  return { field, code, message };
}

function secondsOf(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1_000;
}
