import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { explainFailure, RenderFailedError } from './failure.ts';
import { isDamageLine, isFatalLine } from './fatal-lines.ts';
import { type FfmpegContext, runFfmpeg } from './ffmpeg.ts';
import { readMadeFile } from './made-file.ts';
import type { SegmentPlan } from './render-plan.ts';
import {
  type CheckedSegment,
  checkSegment,
  type SegmentEvidence,
  type SegmentVerdict,
} from './segment-check.ts';
import { type SegmentSettings, segmentArguments } from './segment-command.ts';

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
    const verdict = await renderAndCheck(context, plan, settings, part, onFrames);
    if (verdict === undefined) return undefined;
    if (!verdict.ok) throw wrongSegment(plan, verdict);
    await rename(partPath, target);
    return verdict.segment;
  } finally {
    await rm(partPath, { force: true });
  }
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
  let framesFromSource: number | undefined;
  let fatalLine: string | undefined;
  let damageLines: SegmentEvidence['damageLines'];
  const result = await runFfmpeg(context, plan.name, segmentArguments(plan, settings, names), {
    onProgress: ({ frame }) => onFrames(Math.min(frame, plan.frames)),
    onStderrLine: (line) => {
      framesFromSource = framesOfFpsFilter(line) ?? framesFromSource;
      if (isFatalLine(line)) fatalLine ??= line;
      if (isDamageLine(line))
        damageLines = { first: damageLines?.first ?? line, count: (damageLines?.count ?? 0) + 1 };
    },
  });
  if (result.cause === 'aborted') return undefined;
  if (!result.succeeded) {
    throw new RenderFailedError(explainFailure(result, { label: plan.name, position: plan.position }));
  }
  const made = await readMadeFile(context, `${plan.name} check`, output);
  if (context.signal.aborted) return undefined;
  return checkSegment(plan, {
    made,
    framesFromSource,
    fatalLine,
    encoder: settings.encoder,
    ...(damageLines === undefined ? {} : { damageLines }),
  });
}

/** `[Parsed_fps_0 @ 0x...] [verbose] 83 frames in, 83 frames out; ...`, said when the graph ends. */
function framesOfFpsFilter(line: string): number | undefined {
  const told = /Parsed_fps_\d+ .*frames in, (?<out>\d+) frames out/u.exec(line)?.groups?.['out'];
  return told === undefined ? undefined : Number(told);
}

function wrongSegment(plan: SegmentPlan, verdict: Extract<SegmentVerdict, { ok: false }>): RenderFailedError {
  return new RenderFailedError({
    failureClass: verdict.isSourceAtFault ? 'input' : 'job',
    code: verdict.isSourceAtFault ? 'SOURCE_UNREADABLE' : 'SEGMENT_WRONG',
    message: `${plan.name} (${plan.sourcePath}) was not rendered as planned: ${verdict.reason}`,
    exitCode: 0,
    stderrTail: [],
    position: plan.position,
  });
}
