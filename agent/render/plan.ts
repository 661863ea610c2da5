import type { Feature, Problem } from '../../proto/agent-link.ts';
import { frameSizeOf } from './geometry.ts';
import { planSegment } from './plan-segment.ts';
import { type RenderPlan, type SegmentPlan, samplesPerFrame } from './render-plan.ts';
import type { RenderRequest } from './render-request.ts';

export type PlanResult =
  | { readonly ok: true; readonly plan: RenderPlan }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Decides everything about a job before a frame is rendered, or names every item that cannot be rendered. Pure. */
export function planRender(request: Pick<RenderRequest, 'enable4k' | 'items'>): PlanResult {
  const frameSize = frameSizeOf(request.enable4k);
  const planned = request.items.map((item) => planSegment(item, frameSize));
  const problems = planned.flatMap((item) => item.problems);
  if (request.items.length === 0) problems.push({ code: 'NO_ITEMS', message: 'No items found for job' });
  if (problems.length > 0) return { ok: false, problems };

  const segments = planned.flatMap(({ segment }) => (segment === undefined ? [] : [segment]));
  const frames = segments.reduce((sum, segment) => sum + segment.frames, 0);
  return {
    ok: true,
    plan: {
      frameSize,
      segments,
      frames,
      samples: frames * samplesPerFrame,
      features: featuresOf(segments, request.enable4k),
      warnings: planned.flatMap((item) => item.warnings),
    },
  };
}

/** What was really drawn, for the record: mission.md section 1. */
function featuresOf(segments: readonly SegmentPlan[], enable4k: boolean): readonly Feature[] {
  const features: Feature[] = [];
  if (segments.some(({ logo }) => logo !== undefined)) features.push('logo_overlay');
  if (segments.some(({ text }) => text !== undefined)) features.push('text_animation');
  if (segments.some(({ picture }) => picture.kind === 'still')) features.push('image_slides');
  if (enable4k) features.push('4k_output');
  return features;
}
