import type { FailureClass } from '../../proto/agent-link.ts';
import type { FfmpegResult } from './ffmpeg.ts';
import type { RenderProblemCode } from './problem-codes.ts';

/** Why a render failed: whose fault it is, and what FFmpeg said last. */
export interface RenderFailure {
  readonly failureClass: FailureClass;
  readonly code: RenderProblemCode;
  /** Begins with the old wording, `FFmpeg failed with return code N`, where FFmpeg ran. */
  readonly message: string;
  readonly exitCode: number | undefined;
  readonly stderrTail: readonly string[];
  /** The item that was rendered, when it was one. */
  readonly position: number | undefined;
}

/** Ends a render; `renderJob` catches it and nobody else sees it. */
export class RenderFailedError extends Error {
  readonly failure: RenderFailure;

  constructor(failure: RenderFailure) {
    super(failure.message);
    this.name = 'RenderFailedError';
    this.failure = failure;
  }
}

interface FailureRow {
  readonly pattern: RegExp;
  readonly failureClass: FailureClass;
  readonly code: RenderProblemCode;
}

/** First match wins, so the environment stands before the input: a full disk also makes files unreadable. */
const failureTable: readonly FailureRow[] = [
  { pattern: /No space left on device|Disk quota exceeded/u, failureClass: 'environment', code: 'DISK_FULL' },
  {
    // NVENC's words for "no session left", of older and newer drivers; unverified on real cards.
    pattern: /OpenEncodeSessionEx failed: (?:out of memory|incompatible client key)/u,
    failureClass: 'environment',
    code: 'ENCODER_SESSION_LIMIT',
  },
  {
    pattern:
      /Cannot load (?:libcuda|nvcuda|libnvidia-encode|nvEncodeAPI)|No (?:NVENC )?capable devices found|OpenEncodeSessionEx failed|CUDA_ERROR|minimum required Nvidia driver|Failed to (?:initialise VAAPI|set value .* for option 'vaapi_device')|Error (?:initializing|creating) a? ?(?:MFX|internal MFX)|Failed to open (?:amfrt|libamfrt)|Error while opening encoder for output stream/u,
    failureClass: 'environment',
    code: 'ENCODER_UNAVAILABLE',
  },
  {
    pattern:
      /No such filter|Unknown encoder|Unrecognized option|Option not found|Unknown decoder|Unable to open .*\.ass/u,
    failureClass: 'environment',
    code: 'FFMPEG_UNSUITABLE',
  },
  { pattern: /Cannot allocate memory/u, failureClass: 'environment', code: 'FFMPEG_KILLED' },
  {
    pattern:
      /Read-only file system|Input\/output error|Permission denied|No such file or directory|Stale file handle/u,
    failureClass: 'environment',
    code: 'FILE_ACCESS',
  },
  {
    pattern:
      /not on whitelist|Invalid data found when processing input|moov atom not found|Could not find codec parameters|partial file|Error while decoding|matches no streams|Invalid NAL unit size/u,
    failureClass: 'input',
    code: 'SOURCE_UNREADABLE',
  },
];

/** Explains an FFmpeg that did not succeed (and was not aborted by us): its words first, its exit code second. */
export function explainFailure(
  result: FfmpegResult,
  what: { readonly label: string; readonly position?: number },
): RenderFailure {
  const facts = { exitCode: result.exitCode, stderrTail: result.stderrTail, position: what.position };
  if (result.cause === 'spawn-failed') {
    const message = `FFmpeg could not be started for ${what.label}: ${result.spawnError ?? 'unknown reason'}`;
    return { ...facts, failureClass: 'environment', code: 'FFMPEG_MISSING', message };
  }
  const head = `FFmpeg failed with return code ${result.exitCode ?? result.signalName ?? 'unknown'} on ${what.label}`;
  if (result.cause === 'stalled' || result.cause === 'timed-out') {
    const message = `${head}: it stalled and was ended`;
    return { ...facts, failureClass: 'job', code: 'FFMPEG_STALLED', message };
  }
  const found = findInTable([...result.errorLines, ...result.stderrTail]);
  if (found !== undefined) return { ...facts, ...found, message: `${head}: ${found.line}` };
  if (result.signalName === 'SIGKILL') {
    return {
      ...facts,
      failureClass: 'environment',
      code: 'FFMPEG_KILLED',
      message: `${head}: it was killed`,
    };
  }
  const last = result.errorLines.at(-1)?.trim();
  return {
    ...facts,
    failureClass: 'job',
    code: 'FFMPEG_FAILED',
    message: last === undefined ? head : `${head}: ${last}`,
  };
}

function findInTable(lines: readonly string[]) {
  for (const { pattern, failureClass, code } of failureTable) {
    const line = lines.find((candidate) => pattern.test(candidate));
    if (line !== undefined) return { failureClass, code, line: line.trim() };
  }
  return undefined;
}
