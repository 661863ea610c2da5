import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { CheckedSegment } from './checked-segment.ts';
import { explainDespiteSuccess, explainFailure, RenderFailedError } from './failure.ts';
import { type FfmpegContext, runFfmpeg } from './ffmpeg.ts';
import { readMadeFile } from './made-file.ts';
import type { RenderProblemCode } from './problem-codes.ts';
import type { SegmentPlan } from './render-plan.ts';
import { checkSegment, type SegmentVerdict } from './segment-check.ts';
import { type SegmentSettings, segmentArguments } from './segment-command.ts';
import { listenToSegment } from './segment-words.ts';

/** `segment_3.mov`: a name of ours, so lists of segments need no escaping. */
export function segmentFileName({ position }: Pick<SegmentPlan, 'position'>): string {
  return `segment_${position}.mov`;
}

export function scriptFileName({ position }: Pick<SegmentPlan, 'position'>): string {
  return `text_${position}.ass`;
}

/**
 * Renders one item into `segment_{position}.mov` of the work folder, and checks it before it gets that name.
 * Throws RenderFailedError; undefined when it was aborted. Nothing half-done stays.
 */
export async function renderSegment(
  context: FfmpegContext,
  plan: SegmentPlan,
  settings: SegmentSettings,
  onFrames: (frames: number) => void,
): Promise<CheckedSegment | undefined> {
  const target = path.join(context.request.workFolder, segmentFileName(plan));
  const part = `${segmentFileName(plan)}.part`;
  const partPath = `${target}.part`;
  try {
    let verdict = await renderAndCheck(context, plan, settings, part, onFrames);
    if (verdict?.ok === false && canFollow(plan, verdict)) {
      const picture = { ...plan.picture, isChanging: true } as const;
      verdict = await renderAndCheck(context, { ...plan, picture }, settings, part, onFrames);
    }
    if (verdict === undefined) return undefined;
    if (!verdict.ok) throw wrongSegment(plan, verdict);
    await rename(partPath, target);
    return verdict.segment;
  } finally {
    await rm(partPath, { force: true });
  }
}

/**
 * A picture that changes its size or pixels can be followed by filters that look at each frame. Those for fields, HDR and
 * alpha cannot, and no filter for sound can.
 */
function canFollow({ picture }: SegmentPlan, { change }: Extract<SegmentVerdict, { ok: false }>): boolean {
  if (change?.of !== 'picture' || picture.kind === 'still') return false;
  return picture.interlacing !== 'declared' && picture.color.kind === 'sdr' && picture.alpha === 'none';
}

async function renderAndCheck(
  context: FfmpegContext,
  plan: SegmentPlan,
  settings: SegmentSettings,
  output: string,
  onFrames: (frames: number) => void,
): Promise<SegmentVerdict | undefined> {
  const names = {
    source: plan.fileName,
    logo: plan.logo?.fileName ?? '',
    script: scriptFileName(plan),
    output,
  };
  const words = listenToSegment();
  const result = await runFfmpeg(context, plan.name, segmentArguments(plan, settings, names), {
    onProgress: ({ frame }) => onFrames(Math.min(frame, plan.frames)),
    onStderrLine: (line) => words.line(line),
  });
  if (result.cause === 'aborted') return undefined;
  const heard = words.heard();
  // Whatever else went wrong behind a change came of it.
  if (!result.succeeded && heard.change === undefined) {
    throw new RenderFailedError(explainFailure(result, { label: plan.name, position: plan.position }));
  }
  const ofPc = explainDespiteSuccess(result, { label: plan.name, position: plan.position });
  if (result.succeeded && ofPc !== undefined) throw new RenderFailedError(ofPc);
  const made = result.succeeded ? await readMadeFile(context, `${plan.name} check`, output) : undefined;
  if (context.signal.aborted) return undefined;
  return checkSegment(plan, { made, encoder: settings.encoder, ...heard });
}

function wrongSegment(plan: SegmentPlan, verdict: Extract<SegmentVerdict, { ok: false }>): RenderFailedError {
  return new RenderFailedError({
    failureClass: verdict.isSourceAtFault ? 'input' : 'job',
    code: codeOf(verdict),
    message: `${plan.name} (${plan.sourcePath}) was not rendered as planned: ${verdict.reason}`,
    exitCode: 0,
    stderrTail: [],
    position: plan.position,
  });
}

function codeOf({ change, isSourceAtFault }: Extract<SegmentVerdict, { ok: false }>): RenderProblemCode {
  if (change !== undefined) return 'SOURCE_CHANGES';
  return isSourceAtFault ? 'SOURCE_UNREADABLE' : 'SEGMENT_WRONG';
}
