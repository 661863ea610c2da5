import type { FailureClass } from '../../proto/agent-link.ts';
import type { RenderProblemCode } from './problem-codes.ts';

/** What kind of thing went wrong with FFmpeg: what a person does about it differs, and so do the words that tell it. */
export type FailureCategory =
  | 'ffmpeg-missing'
  | 'ffmpeg-version'
  | 'stall'
  | 'disk-full'
  | 'hardware-decoder'
  | 'driver-too-old'
  | 'sessions'
  | 'gpu-lost'
  | 'feature'
  | 'encoder-absent'
  | 'out-of-memory'
  | 'missing'
  | 'denied'
  | 'storage'
  | 'corrupt'
  | 'graph-bug'
  | 'unknown';

export interface FailureKind {
  readonly meaning: string;
  readonly failureClass: FailureClass;
  readonly code: RenderProblemCode;
  /** What an operator does about it. */
  readonly advice: string;
  /** It may be over in minutes, by itself or by a restart of the PC: an encoder that failed so is tried again. */
  readonly isPassing?: boolean;
}

export const failureKinds: Readonly<Record<FailureCategory, FailureKind>> = {
  'ffmpeg-missing': {
    meaning: 'FFmpeg cannot be started',
    failureClass: 'environment',
    code: 'FFMPEG_MISSING',
    advice: 'Install FFmpeg on that PC, or name the program by the setting `ffmpeg`.',
  },
  'ffmpeg-version': {
    meaning: 'FFmpeg is too old or too new, or was built without something',
    failureClass: 'environment',
    code: 'FFMPEG_UNSUITABLE',
    advice:
      'Install a full build of FFmpeg 5.1 to 9.0 with libass, zimg and libx264; `renderfarm-agent doctor` tries it.',
  },
  stall: {
    meaning: 'FFmpeg gave neither a frame nor a byte for too long',
    failureClass: 'job',
    code: 'FFMPEG_STALLED',
    advice: 'Look at the item that is named; when several jobs stall on one PC, look at its driver and disk.',
    isPassing: true,
  },
  'disk-full': {
    meaning: "the PC's own disk is full",
    failureClass: 'environment',
    code: 'DISK_FULL',
    advice: 'Free space on the disk of `dataDir`, or lower the limits of `cache`.',
    isPassing: true,
  },
  'hardware-decoder': {
    meaning: 'a decoder of the GPU cannot be used (the agent asks for none: somebody wrapped FFmpeg)',
    failureClass: 'environment',
    code: 'HARDWARE_DECODER',
    advice: 'Take `-hwaccel` or `_cuvid` out of what stands in for FFmpeg there.',
  },
  'driver-too-old': {
    meaning: "NVIDIA's driver is older than this FFmpeg wants",
    failureClass: 'environment',
    code: 'ENCODER_DRIVER_OLD',
    advice: 'Update the driver to the version that the message names, or use an older FFmpeg.',
  },
  sessions: {
    meaning: 'the card has no encoder session, or no memory, left',
    failureClass: 'environment',
    code: 'ENCODER_SESSION_LIMIT',
    advice:
      'Nothing: the agent offers fewer slots and tries again. Look for other programs that encode (OBS, Discord) and for `gpuSlots`.',
    isPassing: true,
  },
  'gpu-lost': {
    meaning: 'the GPU does not answer, or broke down in the middle',
    failureClass: 'environment',
    code: 'GPU_LOST',
    advice: 'Restart the PC. When it comes again: seat, power and heat of the card, then its driver.',
    isPassing: true,
  },
  feature: {
    meaning: 'the card or driver lacks a feature, a level or a size that is asked for',
    failureClass: 'environment',
    code: 'ENCODER_FEATURE',
    advice:
      'Nothing when it is in the list of rungs that failed: a lower one is used. In a job: restart the agent, so that it probes anew.',
  },
  'encoder-absent': {
    meaning: 'there is no such encoder: no card for it, no driver, or an FFmpeg built without it',
    failureClass: 'environment',
    code: 'ENCODER_UNAVAILABLE',
    advice:
      'See `nvidia-smi` and `ffmpeg -encoders`; data-centre cards (H100, H200, A100) have no video encoder. `encoder.gpuIndex` must be a card of nvidia-smi.',
  },
  'out-of-memory': {
    meaning: "the PC's memory ran out: FFmpeg said so, or the kernel ended it",
    failureClass: 'environment',
    code: 'OUT_OF_MEMORY',
    advice: 'Fewer `slots` or `concurrency.segments`, fewer other programs, or more memory.',
    isPassing: true,
  },
  missing: {
    meaning: 'a file of the work folder is not there',
    failureClass: 'environment',
    code: 'FILE_ACCESS',
    advice: 'Look for what removes files below `dataDir`: a clean-up, an antivirus program.',
    isPassing: true,
  },
  denied: {
    meaning: 'a file may not be read or written',
    failureClass: 'environment',
    code: 'FILE_ACCESS',
    advice: 'Give the user of the agent full rights below `dataDir`; look for an antivirus program.',
    isPassing: true,
  },
  storage: {
    meaning: 'the disk failed',
    failureClass: 'environment',
    code: 'FILE_ACCESS',
    advice: "Look at the disk's health and at the system's log.",
    isPassing: true,
  },
  corrupt: {
    meaning: 'the source cannot be decoded, or is no media',
    failureClass: 'input',
    code: 'SOURCE_UNREADABLE',
    advice: 'Make the file anew: the message names its position and path.',
  },
  'graph-bug': {
    meaning: 'FFmpeg refused our filters: a defect of the agent',
    failureClass: 'job',
    code: 'GRAPH_REFUSED',
    advice: 'Report it with the log of the attempt.',
  },
  unknown: {
    meaning: 'FFmpeg failed with words that no row knows',
    failureClass: 'job',
    code: 'FFMPEG_FAILED',
    advice: 'Read the end of `ffmpeg_stderr.txt`, and report it, so that it gets a row.',
  },
};

export interface FailureRow {
  readonly category: FailureCategory;
  readonly pattern: RegExp;
  /** The cause is told as a mere warning, or a note: read at any level. @default only complaints */
  readonly atAnyLevel?: boolean;
}

/**
 * FFmpeg's words. The first row with a match wins, and of its lines the first: a cause stands before what follows from it
 * (a session that was refused, then "no capable devices", then "error while opening encoder"), the PC before the source
 * (a full disk also makes files unreadable), and the source before our filters, which it may upset.
 */
export const failureRows: readonly FailureRow[] = [
  { category: 'disk-full', pattern: /No space left on device|Disk quota exceeded/u },
  {
    category: 'hardware-decoder',
    pattern:
      /No device available for decoder|Device setup failed for decoder|_cuvid @ [^\]]*\] (?:\[(?:error|fatal)\] )?\S|Error while opening decoder for input stream .*: Generic error in an external library|Unknown decoder '\w+_(?:cuvid|qsv)'/u,
  },
  { category: 'encoder-absent', pattern: /Cannot load (?:libcuda|nvcuda|libnvidia-encode|nvEncodeAPI)/u },
  {
    category: 'driver-too-old',
    pattern: /Driver does not support the required nvenc API version|minimum required Nvidia driver/u,
  },
  {
    category: 'sessions',
    pattern:
      /OpenEncodeSessionEx failed: (?:out of memory|incompatible client key)|(?:InitializeEncoder|CreateInputBuffer|CreateBitstreamBuffer) failed: out of memory|CUDA_ERROR_OUT_OF_MEMORY/u,
  },
  {
    category: 'gpu-lost',
    pattern:
      /CUDA_ERROR_(?:NO_DEVICE|UNKNOWN|ILLEGAL_ADDRESS|LAUNCH_FAILED|LAUNCH_TIMEOUT|ECC_UNCORRECTABLE|HARDWARE_STACK_ERROR|DEVICE_UNAVAILABLE|SYSTEM_NOT_READY|NOT_INITIALIZED|DEINITIALIZED|CONTEXT_IS_DESTROYED)|EncodePicture failed!|Failed (?:un)?locking (?:bitstream|input) buffer|GPU is lost/u,
  },
  {
    category: 'feature',
    atAnyLevel: true,
    pattern:
      /(?:Temporal AQ|RC lookahead|Lossless encoding|Weighted Prediction|10 bit encode|YUV444P) not supported|B frames? as references? (?:are|is) not supported|B frame as reference is not supported|Max B-frames \d+ exceed|(?:Width|Height) \d+ exceeds|InitializeEncoder failed|required NVENC features|(?:is|are) not supported by the device|(?:ratecontrol mode|Low power mode|frame rate|picture structure|profile|resolution) is unsupported|No usable encoding (?:profile|entrypoint)/u,
  },
  {
    category: 'encoder-absent',
    pattern:
      /No (?:NVENC |CUDA )?capable devices found|OpenEncodeSessionEx failed|CUDA_ERROR|Unknown encoder 'h264_(?:nvenc|qsv|amf|vaapi)'|Unrecognized option '(?:rc|rc_mode|spatial-aq|temporal-aq|b_ref_mode|vaapi_device)'|Failed to initialise VAAPI|No VA display found|Failed to set value .* for option 'vaapi_device'|Error (?:initializing|creating) (?:an? )?(?:internal )?MFX|DLL amfrt\S* failed to open|Failed to open (?:lib)?amfrt|AMF failed to initialise/u,
  },
  {
    category: 'out-of-memory',
    pattern:
      /Cannot allocate memory|malloc of size \d+ failed|std::bad_alloc|failed to map segment from shared/u,
  },
  { category: 'missing', pattern: /Unable to open .*\.ass|track when reading file '[^']*\.ass'/u },
  {
    category: 'ffmpeg-version',
    pattern:
      /No such filter|Unknown encoder|Unknown decoder|Unrecognized option|Option not found|Unable to parse option value|Error setting (?:option|preset)|error while loading shared libraries/u,
  },
  // Decoders answer damage with any code of the system: a broken AAC frame with "Operation not permitted".
  {
    category: 'corrupt',
    pattern: /Error while decoding stream|Error submitting (?:a )?packet to decoder|Decoding error:/u,
  },
  { category: 'missing', pattern: /No such file or directory/u },
  { category: 'denied', pattern: /Permission denied|Operation not permitted|Read-only file system/u },
  { category: 'storage', pattern: /Input\/output error|Stale file handle/u },
  { category: 'encoder-absent', pattern: /Error while opening encoder/u },
  {
    category: 'corrupt',
    pattern:
      /not on whitelist|Invalid data found when processing input|moov atom not found|Could not find codec parameters|partial file|Truncating packet|Packet corrupt|Error while decoding|Error submitting (?:a )?packet to decoder|matches no streams|Invalid NAL unit size|Error splitting the input into NAL units/u,
  },
  {
    category: 'graph-bug',
    pattern:
      /Error (?:re)?initializing (?:complex )?filter|Error (?:parsing|binding) (?:a )?filter|Impossible to convert between the formats|Failed to configure (?:input|output) pad|Invalid (?:stream specifier|file index)|unconnected output|Cannot find a matching stream for unlabeled input pad|Failed to inject frame into filter|Too many packets buffered for output stream/u,
  },
];

/**
 * What an exit code alone says: FFmpeg 7.1 and 9.0 leave with the low byte of a negative error number (on Windows with all
 * of it), FFmpeg 5.1 with 1. The words come first. Of Windows: a DLL that is not there, no memory.
 */
export const exitCodeCategories: ReadonlyMap<number, FailureCategory> = new Map([
  [228, 'disk-full'],
  [244, 'out-of-memory'],
  [251, 'storage'],
  [243, 'denied'],
  [226, 'denied'],
  [254, 'missing'],
  [183, 'corrupt'],
  [127, 'ffmpeg-version'],
  [126, 'ffmpeg-missing'],
  [0xc0000135, 'ffmpeg-version'],
  [0xc0000017, 'out-of-memory'],
  [0xc000012d, 'out-of-memory'],
]);
