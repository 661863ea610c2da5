import assert from 'node:assert/strict';
import type { ItemSpec } from '../../controller/domain/job.ts';
import type { LookUpAnswer } from '../../controller/engine/turn/inputs.ts';
import { heartbeat } from './agent-messages.ts';
import { jobId, jobSpec, type TurnFarm } from './turn-farm.ts';

export const hourMs = 3_600_000;
/** What is wrong with the catalogue. */
export const why = 'BigQuery has not answered within 15 s';

function video(videoId: string): ItemSpec {
  return { position: 0, itemType: 'video', videoId, durationMs: 10_000 };
}

function withIds(n: number, ...ids: readonly string[]) {
  return jobSpec(n, { items: ids.map((id, position) => ({ ...video(id), position })) });
}

/** A job whose ids nobody could be asked for. */
export function submitAway(farm: TurnFarm, n: number, changes: object = {}) {
  return farm.submit({ ...withIds(n, `v${n}`), ...changes }, '', { awaits: why, resolved: [], shares: [] });
}

/** A job that was resolved when it was submitted. */
export function submitKnown(farm: TurnFarm, n: number, folder = 'old') {
  return farm.submit(withIds(n, `v${n}`), '', { resolved: pathsOf(n, folder) });
}

function pathsOf(n: number, folder: string) {
  return [
    { position: 0, itemType: 'video', videoId: `v${n}`, path: `\\\\nas\\Clips\\${folder}\\${n}.mp4` },
  ] as const;
}

/** Its answer: the job's videos are here. */
export function found(farm: TurnFarm, n: number, folder = 'new'): LookUpAnswer {
  const resolution = { queryMs: 5, found: 1, missing: [], resolvedAtMs: farm.nowMs };
  return { jobId: jobId(n), paths: { resolved: pathsOf(n, folder), resolution, shares: ['clips'] } };
}

/** Its answer: it does not know these. */
export function unknown(n: number, ...ids: readonly string[]): LookUpAnswer {
  const violations = ids.map((id, index) => ({
    field: `items[${index}].video_id`,
    description: `Video ID ${id} not found in BigQuery`,
  }));
  return { jobId: jobId(n), refused: { code: 'UNKNOWN_VIDEO_ID', violations } };
}

/** The question that is under way. */
export function asked(farm: TurnFarm): { readonly askId: string; readonly jobIds: readonly string[] } {
  const question = farm.lookUps.at(-1);
  assert.ok(question, 'nothing was asked');
  return question;
}

/** The catalogue answers. */
export function answer(farm: TurnFarm, ...answers: readonly LookUpAnswer[]) {
  farm.run({ kind: 'looked-up', askId: asked(farm).askId, answers });
}

/** It cannot be asked. */
export function away(farm: TurnFarm) {
  farm.run({ kind: 'catalog-away', askId: asked(farm).askId, why });
}

/** A tick in which the agent is well, and what it renders goes on. */
export function heard(farm: TurnFarm, sessionId: string): void {
  farm.say(sessionId, heartbeat);
  farm.run({ kind: 'tick' });
}
