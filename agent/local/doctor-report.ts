import { failureKinds } from '../render/failure-table.ts';
import type { Diagnosis, TriedRung } from './doctor.ts';

export interface Verdict {
  /** This PC can render jobs, if only in software. */
  readonly canRender: boolean;
  /** Why it cannot. */
  readonly problems: readonly string[];
  /** What makes it worse than it could be. */
  readonly warnings: readonly string[];
}

/** Pure. */
export function judge(diagnosis: Diagnosis): Verdict {
  const { ffmpeg, ffprobe, encoders, scratch, shares, fontFault, gpuFault } = diagnosis;
  const [best] = encoders?.encoders ?? [];
  const isFull = scratch.freeBytes !== undefined && scratch.freeBytes < scratch.neededBytes;
  const problems = [
    ...(ffmpeg.works ? [] : [ffmpeg.text]),
    ...(ffprobe.works ? [] : [ffprobe.text]),
    ...(ffmpeg.works && best === undefined ? ['No encoder passes its test encode.'] : []),
    ...(scratch.fault === undefined ? [] : [`The data folder cannot be used: ${scratch.fault}`]),
    ...(isFull
      ? [
          `The disk of the data folder has ${gib(scratch.freeBytes)} free, ${gib(scratch.neededBytes)} are needed.`,
        ]
      : []),
    ...shares
      .filter(({ readable }) => !readable)
      .map(({ share, reason }) => `Share ${share} cannot be read: ${reason ?? 'unknown reason'}.`),
  ];
  const warnings = [
    ...(gpuFault === undefined ? [] : [gpuFault]),
    ...(fontFault === undefined ? [] : [fontFault]),
    ...(best === undefined || best.hardware
      ? []
      : ['It renders in software: slow. See why the rungs above failed.']),
    ...shares
      .filter(({ readable, empty }) => readable && empty)
      .map(({ share }) => `Share ${share} is empty: probably it is not mounted.`),
  ];
  return { canRender: problems.length === 0, problems, warnings };
}

/** For a person to read. */
export function reportText(diagnosis: Diagnosis): readonly string[] {
  const { pc, ffmpeg, ffprobe, gpus, encoders, scratch, shares } = diagnosis;
  const { canRender, problems, warnings } = judge(diagnosis);
  return [
    `renderfarm-agent ${diagnosis.softwareVersion} on ${pc.hostname}, ${diagnosis.madeAt}`,
    `${pc.os}; ${pc.cpu}, ${pc.cores} cores, ${gib(pc.memoryBytes)}; Node ${pc.node}`,
    firstLine(ffmpeg.text),
    firstLine(ffprobe.text),
    ...(gpus.length === 0 ? ['No NVIDIA card (nvidia-smi lists none)'] : []),
    ...gpus.map((gpu) => `GPU ${gpu.index}: ${gpu.name}, driver ${gpu.driver}, ${gib(gpu.memoryBytes)}`),
    '',
    'Test encodes:',
    ...diagnosis.tried.map(rungLine),
    '',
    ...(encoders?.lanes ?? []).map(({ gpuIndex, sessions, slots, encoders: found }) => {
      const where = gpuIndex === undefined ? 'This PC' : `GPU ${gpuIndex}`;
      const speeds = found
        .map((one) => `${one.rung} to ${one.max}, ${one.framesPerSecond} frames/s`)
        .join('; ');
      return `${where}: ${speeds}; ${sessions === 0 ? 'software' : `${sessions} sessions seen`}, ${slots} slots`;
    }),
    `Each of k at once, against one alone: ${encoders?.concurrentSpeeds.join(', ') ?? 'not measured'}`,
    `Scratch space: ${gib(scratch.freeBytes)} free`,
    ...shares.map(
      ({ share, readable, writable }) =>
        `Share ${share}: ${readable ? 'read' : 'NOT READ'}${writable ? ', written' : ''}`,
    ),
    '',
    ...problems.map((problem) => `PROBLEM: ${problem}`),
    ...warnings.map((warning) => `warning: ${warning}`),
    canRender ? 'This PC can render.' : 'This PC cannot render.',
  ];
}

/** One file to send: the text, then everything as JSON. Folders of the user are named `~`. */
export function reportFile(diagnosis: Diagnosis, homeFolder: string): string {
  const json = JSON.stringify({ verdict: judge(diagnosis), ...diagnosis }, undefined, 2);
  const text = [...reportText(diagnosis), '', '--- JSON ---'].join('\n');
  const inJson = JSON.stringify(homeFolder).slice(1, -1);
  const whole = `${text}\n${json}\n`;
  // `/` is the home of some services: it is in every path.
  return homeFolder.length < 3 ? whole : whole.replaceAll(inJson, '~').replaceAll(homeFolder, '~');
}

function rungLine({ rung, gpuIndex, size, profile, works, durationMs, category, reason }: TriedRung): string {
  const where = gpuIndex === undefined ? '' : ` on GPU ${gpuIndex}`;
  const head = `  ${works ? 'ok  ' : 'FAIL'} ${rung}${where}, ${size}, ${profile}`;
  if (works || category === undefined) return `${head}: ${Math.round(durationMs)} ms`;
  return `${head}: ${failureKinds[category].meaning} (${category}): ${reason}`;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

function gib(bytes: number | undefined): string {
  return bytes === undefined ? 'unknown' : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
