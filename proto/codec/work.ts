import type {
  AttemptLimits,
  Feature,
  Fence,
  JobRef,
  Manifest,
  OutputTarget,
  Problem,
  Resolution,
  ResolvedItem,
} from '../agent-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type * as job from '../gen/renderfarm/v1/job.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { DecodeError } from './decode-error.ts';
import { itemTypes } from './enums.ts';
import { fromLoudness, toLoudness } from './options.ts';
import { count, given, id, list, optionalText, required, texts } from './read.ts';
import {
  fromDuration,
  fromOptionalDuration,
  fromTimestamp,
  toDuration,
  toOptionalDuration,
  toTimestamp,
} from './time.ts';

/** A job has at most this many items (protocol.md rule 10). */
export const itemsMax = 2_000;
/** More texts than this in a `missing` or `features` list is a mistake. */
const namesMax = itemsMax;
const int32Max = 2 ** 31 - 1;

const featureNames: Readonly<Record<Feature, true>> = {
  logo_overlay: true,
  text_animation: true,
  image_slides: true,
  '4k_output': true,
};

export function fromFence(wire: job.Fence | undefined, field: string): Fence {
  const fence = required(wire, field);
  return compact<Fence>({
    term: count(fence.term, `${field}.term`),
    counter: count(fence.counter, `${field}.counter`),
  });
}

export function toRef(ref: JobRef): CompleteWire<agent.JobRef> {
  return { jobId: ref.jobId, fence: ref.fence };
}

export function fromRef(wire: agent.JobRef | undefined, field: string): JobRef {
  const ref = required(wire, field);
  return compact<JobRef>({
    jobId: id(ref.jobId, `${field}.job_id`),
    fence: fromFence(ref.fence, `${field}.fence`),
  });
}

export function toItem(item: ResolvedItem): CompleteWire<agent.ResolvedItem> {
  return {
    position: item.position,
    itemType: itemTypes.toWire(item.itemType),
    videoId: item.videoId ?? '',
    path: item.path,
    title: item.title ?? '',
    logoPath: item.logoPath ?? '',
    duration: toOptionalDuration(item.durationMs),
    text: item.text ?? '',
    normalizeLoudness: item.normalizeLoudness ?? false,
  };
}

export function fromItem(wire: agent.ResolvedItem, field: string): ResolvedItem {
  return compact<ResolvedItem>({
    position: count(wire.position, `${field}.position`, 0, int32Max),
    itemType: itemTypes.fromWire(wire.itemType, `${field}.item_type`),
    videoId: optionalText(wire.videoId),
    path: given(wire.path, `${field}.path`),
    title: optionalText(wire.title),
    logoPath: optionalText(wire.logoPath),
    durationMs: fromOptionalDuration(wire.duration, `${field}.duration`),
    text: optionalText(wire.text),
    normalizeLoudness: wire.normalizeLoudness || undefined,
  });
}

export function toResolution(resolution: Resolution): CompleteWire<agent.Resolution> {
  return {
    query: toDuration(resolution.queryMs),
    found: resolution.found,
    missing: resolution.missing,
    resolvedAt: toTimestamp(resolution.resolvedAtMs),
  };
}

export function fromResolution(wire: agent.Resolution | undefined, field: string): Resolution {
  const resolution = required(wire, field);
  return compact<Resolution>({
    queryMs: fromDuration(resolution.query, `${field}.query`),
    found: count(resolution.found, `${field}.found`),
    missing: texts(resolution.missing, `${field}.missing`, namesMax),
    resolvedAtMs: fromTimestamp(resolution.resolvedAt, `${field}.resolved_at`),
  });
}

export function toOutput(output: OutputTarget): CompleteWire<agent.OutputTarget> {
  const { folder, stagingFolder, finalName, shareId = '' } = output;
  return { folder, stagingFolder, finalName, shareId };
}

export function fromOutput(wire: agent.OutputTarget | undefined, field: string): OutputTarget {
  const output = required(wire, field);
  return compact<OutputTarget>({
    folder: given(output.folder, `${field}.folder`),
    stagingFolder: given(output.stagingFolder, `${field}.staging_folder`),
    finalName: given(output.finalName, `${field}.final_name`),
    shareId: optionalText(output.shareId),
  });
}

export function toLimits(limits: AttemptLimits): CompleteWire<agent.AttemptLimits> {
  return {
    softRun: toDuration(limits.softRunMs),
    hardRun: toDuration(limits.hardRunMs),
    stall: toDuration(limits.stallMs),
    startStall: toDuration(limits.startStallMs),
  };
}

export function fromLimits(wire: agent.AttemptLimits | undefined, field: string): AttemptLimits {
  const limits = required(wire, field);
  return compact<AttemptLimits>({
    softRunMs: fromDuration(limits.softRun, `${field}.soft_run`),
    hardRunMs: fromDuration(limits.hardRun, `${field}.hard_run`),
    stallMs: fromDuration(limits.stall, `${field}.stall`),
    startStallMs: fromDuration(limits.startStall, `${field}.start_stall`),
  });
}

export function toManifest(manifest: Manifest): CompleteWire<agent.Manifest> {
  return {
    fileName: manifest.fileName,
    sizeBytes: manifest.sizeBytes,
    duration: toDuration(manifest.durationMs),
    frames: manifest.frames,
    sha256: manifest.sha256,
    features: manifest.features,
    shareId: manifest.shareId ?? '',
    contactSheetName: manifest.contactSheetName ?? '',
    previewName: manifest.previewName ?? '',
    loudness: manifest.loudness && toLoudness(manifest.loudness),
  };
}

export function fromManifest(wire: agent.Manifest | undefined, field: string): Manifest {
  const manifest = required(wire, field);
  return compact<Manifest>({
    fileName: given(manifest.fileName, `${field}.file_name`),
    sizeBytes: count(manifest.sizeBytes, `${field}.size_bytes`),
    durationMs: fromDuration(manifest.duration, `${field}.duration`),
    frames: count(manifest.frames, `${field}.frames`),
    sha256: given(manifest.sha256, `${field}.sha256`),
    features: list(manifest.features, `${field}.features`, namesMax, fromFeature),
    shareId: optionalText(manifest.shareId),
    contactSheetName: optionalText(manifest.contactSheetName),
    previewName: optionalText(manifest.previewName),
    loudness: manifest.loudness && fromLoudness(manifest.loudness, `${field}.loudness`),
  });
}

export function toProblem(problem: Problem): CompleteWire<job.Problem> {
  return {
    position: problem.position,
    subject: problem.subject ?? '',
    code: problem.code,
    message: problem.message,
  };
}

export function fromProblem(wire: job.Problem, field: string): Problem {
  return compact<Problem>({
    position:
      wire.position === undefined ? undefined : count(wire.position, `${field}.position`, 0, int32Max),
    subject: optionalText(wire.subject),
    code: given(wire.code, `${field}.code`),
    message: wire.message,
  });
}

function fromFeature(value: string, field: string): Feature {
  if (isFeature(value)) return value;
  throw new DecodeError(
    'UNKNOWN_VALUE',
    field,
    `must be one of ${Object.keys(featureNames).join(', ')}, not ${value}`,
  );
}

function isFeature(value: string): value is Feature {
  return Object.hasOwn(featureNames, value);
}
