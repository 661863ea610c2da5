import { open } from 'node:fs/promises';
import type { FailureClass } from '../../proto/agent-link.ts';
import type { ProcessBook } from '../process/process-book.ts';
import { type ProcessResult, runProcess } from '../process/run.ts';
import type { AudioStreamFacts, MediaFacts, StreamScan, VideoStreamFacts } from '../render/facts.ts';
import { type ProbedStream, parseProbe, pictureRotation } from './ffprobe-output.ts';
import { declaresDuration, formatWhitelist, isStill } from './media-formats.ts';
import { createPacketScan } from './packet-scan.ts';
import { hasOpenFragments, hasPartialEnd } from './partial-end.ts';

export interface ProbeOptions {
  /** @default ffprobe */
  readonly ffprobe?: string;
  readonly signal?: AbortSignal;
  /** Aborting kills a running ffprobe at once. */
  readonly force?: AbortSignal;
  /** Where a running ffprobe is written down. @default nowhere */
  readonly book?: ProcessBook;
  /** For the streams' description. @default 60,000 */
  readonly timeoutMs?: number;
  /** For reading every packet; silence of 60 s ends it sooner. @default 900,000 */
  readonly scanTimeoutMs?: number;
}

/** A file that cannot be used, in one sentence without its path. Environment: ffprobe itself did not run. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError';
  readonly code: 'MEDIA_UNREADABLE' | 'FFPROBE_FAILED';
  readonly failureClass: FailureClass;

  constructor(code: ProbeError['code'], reason: string) {
    super(reason);
    this.code = code;
    this.failureClass = code === 'MEDIA_UNREADABLE' ? 'input' : 'environment';
  }
}

/** Characters of ffprobe's answer that are read: a thousand streams fit. */
const answerCharsMax = 4 * 1024 * 1024;
const scanStallMs = 60_000;
const scanWarningsMax = 10;

/**
 * What a file is, by its content: give it a path without an extension where that must not count. Reads every packet of
 * anything that moves. Rejects with ProbeError, or with the signal's reason.
 */
export async function probeMedia(path: string, options: ProbeOptions = {}): Promise<MediaFacts> {
  const { sizeBytes, head, isAnimatedWebp: isAnimation } = await beginningOf(path);
  if (sizeBytes === 0) refuse('the file is empty (0 bytes)');
  if (/^\s*<[^]*<?svg[\s>]/iu.test(head)) refuse('it is a drawing (SVG), not pixels: make a PNG of it');
  if (isAnimation) refuse('it is an animated WebP, which not every FFmpeg can read: make a clip of it');
  const described = await ask(['-show_format', '-show_streams', path], options);
  const { format, streams } = parseProbe(described) ?? refuse('ffprobe gave no answer that can be read');
  const formatName = format.format_name;

  const pictures = streams.filter((stream) => stream.codec_type === 'video');
  const isPipe = isStill(formatName);
  const scanned = isPipe ? undefined : await scanPackets(path, streams, options);
  // An animated format with one picture in it is a picture.
  const isImage =
    isPipe || (formatName === 'gif' && (scanned?.scans.get(pictures[0]?.index ?? -1)?.packets ?? 0) <= 1);
  const still = isImage ? await decodeStill(path, options) : undefined;
  const isDeclared = !isImage && declaresDuration(formatName) && !(await hasOpenFragments(path, formatName));
  return {
    sizeBytes,
    formatName,
    isImage,
    ...optional('containerDurationSeconds', isDeclared ? format.duration : undefined),
    containerStartSeconds: format.start_time ?? 0,
    video: pictures.map((stream) =>
      videoFacts(stream, scanned?.scans.get(stream.index), still?.rotation, isDeclared),
    ),
    audio: streams
      .filter((stream) => stream.codec_type === 'audio')
      .map((stream) => audioFacts(stream, scanned?.scans.get(stream.index), isDeclared)),
    hasPartialEnd: scanned?.endsEarly === true || (await hasPartialEnd(path, formatName)),
    scanWarnings: [...(scanned?.warnings ?? []), ...(still?.warnings ?? [])].slice(0, scanWarningsMax),
  };
}

/**
 * What a file says that it is: no packet of it is read, so that a share is not made to carry whole files, and whether
 * they are all there is not known. Nothing of it is opened in this process: a share may hang. Rejects as `probeMedia`.
 */
export async function describeMedia(path: string, options: ProbeOptions = {}): Promise<MediaFacts> {
  const described = await ask(['-show_format', '-show_streams', path], options);
  const { format, streams } = parseProbe(described) ?? refuse('ffprobe gave no answer that can be read');
  const ofType = (type: string): readonly ProbedStream[] =>
    streams.filter((stream) => stream.codec_type === type);
  return {
    sizeBytes: 0,
    formatName: format.format_name,
    isImage: isStill(format.format_name),
    ...optional('containerDurationSeconds', format.duration),
    containerStartSeconds: format.start_time ?? 0,
    video: ofType('video').map((stream) => videoFacts(stream, undefined, undefined, true)),
    audio: ofType('audio').map((stream) => audioFacts(stream, undefined, true)),
    hasPartialEnd: false,
    scanWarnings: [],
  };
}

async function beginningOf(
  path: string,
): Promise<{ readonly sizeBytes: number; readonly head: string; readonly isAnimatedWebp: boolean }> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(1024), 0, 1024, 0);
    const bytes = buffer.subarray(0, bytesRead);
    return {
      sizeBytes: (await file.stat()).size,
      head: new TextDecoder().decode(bytes),
      isAnimatedWebp: isAnimatedWebp(bytes),
    };
  } finally {
    await file.close();
  }
}

/** `RIFF....WEBPVP8X`, four bytes of length, and a bit of the flags behind them (the container's specification). */
function isAnimatedWebp(bytes: Uint8Array): boolean {
  const letters = String.fromCharCode(...bytes.subarray(0, 16));
  return /^RIFF[^]{4}WEBPVP8X$/u.test(letters) && ((bytes[20] ?? 0) & 0x02) !== 0;
}

async function ask(
  args: readonly string[],
  options: ProbeOptions & { readonly onComplaint?: (line: string) => void },
): Promise<string> {
  const result = await runProcess({
    file: options.ffprobe ?? 'ffprobe',
    args: [...common, '-of', 'json', ...args],
    stdoutCharsMax: answerCharsMax,
    ...optional('onStderrLine', options.onComplaint),
    timeoutMs: options.timeoutMs ?? 60_000,
    ...optional('signal', options.signal),
    ...optional('force', options.force),
    ...optional('book', options.book),
  });
  demandSuccess(result, options);
  if (result.stdoutCut) refuse(`it has too much to tell: more than ${answerCharsMax} characters of streams`);
  return result.stdout;
}

// Only real files of real formats: a playlist that calls itself .mp4 could name any file of this PC.
const common = [
  '-v',
  'error',
  '-hide_banner',
  '-protocol_whitelist',
  'file',
  '-format_whitelist',
  formatWhitelist,
];

interface Scanned {
  readonly scans: ReadonlyMap<number, StreamScan>;
  readonly warnings: readonly string[];
  /** FFmpeg itself found the file's last piece cut off. */
  readonly endsEarly: boolean;
}

async function scanPackets(
  path: string,
  streams: readonly ProbedStream[],
  options: ProbeOptions,
): Promise<Scanned> {
  const scan = createPacketScan(streams);
  const warnings: string[] = [];
  let endsEarly = false;
  const result = await runProcess({
    file: options.ffprobe ?? 'ffprobe',
    args: [...common, '-show_entries', scan.entries, '-of', 'csv=p=0', path],
    timeoutMs: options.scanTimeoutMs ?? 900_000,
    stallMs: scanStallMs,
    ...optional('signal', options.signal),
    ...optional('force', options.force),
    ...optional('book', options.book),
    onStdoutLine: scan.line,
    onStderrLine: (line) => {
      endsEarly ||= /ended prematurely|partial file/iu.test(line);
      if (warnings.length < scanWarningsMax) warnings.push(withoutPath(line, path));
    },
  });
  demandSuccess(result, options);
  return { scans: scan.result(), warnings, endsEarly };
}

/** What cameras write beside the picture, and what FFmpeg cannot read of it, is no damage. */
const besidePicture = /APP fields|Exif|TIFF header|ICC/iu;

/** EXIF tells how a photo is turned, and only its decoded frame shows it; so it does what is missing of the picture. */
async function decodeStill(
  path: string,
  options: ProbeOptions,
): Promise<{ readonly rotation: number; readonly warnings: readonly string[] }> {
  const entries = 'frame=width,height:frame_side_data=side_data_type,rotation';
  const complaints = new Set<string>();
  const answer = await ask(
    ['-select_streams', 'v:0', '-read_intervals', '%+#1', '-show_entries', entries, path],
    {
      ...options,
      onComplaint: (line) => {
        if (!besidePicture.test(line)) complaints.add(withoutPath(line, path));
      },
    },
  );
  const rotation = pictureRotation(answer) ?? refuse('its picture cannot be decoded');
  return { rotation, warnings: [...complaints] };
}

function demandSuccess(result: ProcessResult, { signal }: ProbeOptions): void {
  if (result.succeeded) return;
  signal?.throwIfAborted();
  if (result.cause === 'spawn-failed') {
    throw new ProbeError('FFPROBE_FAILED', `ffprobe cannot be started: ${result.spawnError ?? ''}`);
  }
  if (result.cause !== 'exited')
    refuse(`ffprobe did not end (${result.cause} after ${Math.round(result.durationMs)} ms)`);
  if (result.exitCode === undefined) {
    throw new ProbeError('FFPROBE_FAILED', `ffprobe was ended by ${result.signalName ?? 'a signal'}`);
  }
  refuse(reasonOf(result.stderrTail));
}

function reasonOf(stderr: readonly string[]): string {
  const last = stderr.findLast((line) => line.trim() !== '') ?? 'ffprobe said nothing';
  // "PATH: Invalid data found": the message that carries this names the path that the user knows.
  const reason = last.replace(/^.*: (?=[^:]+$)/u, '').trim();
  const known = stderr.some((line) => line.includes('not on whitelist'))
    ? 'it is of a kind that is not taken'
    : reason;
  const detail = stderr.find((line) => /moov atom not found|Truncat|truncat|EBML header/u.test(line));
  return detail === undefined ? known : `${known} (${detail.replace(/^\[[^\]]*\] ?/u, '')})`;
}

function withoutPath(line: string, path: string): string {
  return line.replaceAll(path, 'the file').replace(/ @ 0x[0-9a-f]+/gu, '');
}

function refuse(reason: string): never {
  throw new ProbeError('MEDIA_UNREADABLE', reason);
}

function videoFacts(
  stream: ProbedStream,
  scan: StreamScan | undefined,
  turned: number | undefined,
  isDeclared: boolean,
): VideoStreamFacts {
  const isAttachedPicture = stream.disposition?.attached_pic === 1;
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    width: stream.width ?? 0,
    height: stream.height ?? 0,
    sampleAspectRatio: stream.sample_aspect_ratio ?? 1,
    rotation: turned ?? stream.rotation,
    ...optional('averageFrameRate', stream.avg_frame_rate),
    ...optional('baseFrameRate', stream.r_frame_rate),
    ...optional('declaredDurationSeconds', isDeclared ? stream.duration : undefined),
    startSeconds: stream.start_time ?? 0,
    ...optional('scan', isAttachedPicture ? undefined : scan),
    pixelFormat: stream.pix_fmt ?? 'unknown',
    ...optional('colorPrimaries', stream.color_primaries),
    ...optional('colorTransfer', stream.color_transfer),
    ...optional('colorMatrix', stream.color_space),
    ...optional('colorRange', stream.color_range),
    ...optional('chromaLocation', stream.chroma_location),
    ...optional('fieldOrder', stream.field_order),
    isAttachedPicture,
    ...(stream.disposition?.default === 1 ? { isDefault: true } : {}),
  };
}

function audioFacts(
  stream: ProbedStream,
  scan: StreamScan | undefined,
  isDeclared: boolean,
): AudioStreamFacts {
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    sampleRate: stream.sample_rate ?? 0,
    channels: stream.channels ?? 0,
    ...(stream.disposition?.default === 1 ? { isDefault: true } : {}),
    ...optional('declaredDurationSeconds', isDeclared ? stream.duration : undefined),
    startSeconds: stream.start_time ?? 0,
    ...optional('scan', scan),
  };
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}
