import type { RateProfile } from '../../proto/agent-link.ts';
import { framesPerSecond } from './render-plan.ts';

/** One set of encoder arguments that either works on a PC or does not. Only a real encode can tell. */
export interface EncoderRung {
  readonly name: EncoderRungName;
  /** FFmpeg's name of the encoder. */
  readonly encoder: string;
  /** False: it uses the processor, and nothing needs to be shared out. */
  readonly isHardware: boolean;
  /** Before the first input: opens the device. */
  readonly deviceArguments: readonly string[];
  /** Last filters of the picture, for encoders that read the GPU's memory; empty for the others. */
  readonly uploadFilters: readonly string[];
}

/**
 * For every FFmpeg that encodes: CUDA counts cards by speed unless it is told to count as nvidia-smi does, whose
 * numbers `-gpu` gets here.
 */
export const encoderEnvironment = { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' } as const;

export type EncoderRungName =
  | 'h264_nvenc'
  | 'h264_nvenc-no-level'
  | 'h264_nvenc-plain'
  | 'h264_qsv'
  | 'h264_amf'
  | 'h264_vaapi'
  | 'libx264';

/**
 * Best first; an agent stands on the first rung that passes a real half-second encode with the very arguments.
 * In FFmpeg an unsupported feature (temporal AQ on an old card, a level) is a hard failure, hence three rungs of NVENC.
 */
export const encoderLadder: readonly EncoderRung[] = [
  hardware('h264_nvenc', 'h264_nvenc'),
  hardware('h264_nvenc-no-level', 'h264_nvenc'),
  hardware('h264_nvenc-plain', 'h264_nvenc'),
  hardware('h264_qsv', 'h264_qsv'),
  hardware('h264_amf', 'h264_amf'),
  {
    ...hardware('h264_vaapi', 'h264_vaapi'),
    deviceArguments: ['-vaapi_device', '/dev/dri/renderD128'],
    uploadFilters: ['format=nv12', 'hwupload'],
  },
  { ...hardware('libx264', 'libx264'), isHardware: false },
];

/** The rung of that name. Throws for a name that is on no ladder: it came from our own list. */
export function encoderRung(name: EncoderRungName): EncoderRung {
  const rung = encoderLadder.find((candidate) => candidate.name === name);
  if (rung === undefined) throw new Error(`No encoder rung is called ${name}.`);
  return rung;
}

export interface EncoderSettings {
  readonly enable4k: boolean;
  readonly profile: RateProfile;
  /** Which GPU, on a PC with several (NVENC only). @default FFmpeg's choice */
  readonly gpuIndex?: number;
  /** Threads of the software encoder. @default FFmpeg's choice */
  readonly threads?: number;
}

/** Rate and conformance of one frame size: mission.md section 5. */
export interface StreamTarget {
  readonly rate: string;
  readonly rateMax: string;
  readonly buffer: string;
  readonly h264Profile: 'main' | 'high';
  readonly level: string;
}

const fullHd: StreamTarget = {
  rate: '16M',
  rateMax: '20M',
  buffer: '24M',
  h264Profile: 'main',
  level: '4.1',
};
const ultraHd: StreamTarget = {
  rate: '40M',
  rateMax: '50M',
  buffer: '60M',
  h264Profile: 'high',
  level: '5.1',
};

export function streamTarget(enable4k: boolean): StreamTarget {
  return enable4k ? ultraHd : fullHd;
}

const soundBitsPerSecond = 320_000;
/** What the container's tables add, generously: 0.3 % of a result at the average rate. */
const tablesShare = 0.01;

/** The most bytes that a result of so many frames can have: all of it at the maximum rate. */
export function outputBytesMax(result: { readonly enable4k: boolean; readonly frames: number }): number {
  const megabits = Number.parseFloat(streamTarget(result.enable4k).rateMax);
  const bits = (megabits * 1e6 + soundBitsPerSecond) * (result.frames / framesPerSecond);
  return Math.ceil((bits / 8) * (1 + tablesShare));
}

/** FFmpeg's output options for the picture: encoder, rate, profile, level, GOP, constant 30 fps, bt709 tags. */
export function encoderArguments(rung: EncoderRung, settings: EncoderSettings): readonly string[] {
  const target = streamTarget(settings.enable4k);
  return [
    '-c:v',
    rung.encoder,
    ...tuning(rung.name, settings),
    ...rates(rung.encoder, settings.profile, target),
    '-profile:v',
    target.h264Profile,
    ...(rung.name === 'h264_nvenc-no-level' || rung.name === 'h264_nvenc-plain'
      ? []
      : ['-level:v', target.level]),
    // Quick Sync reads no other; asked for yuv420p, some versions of FFmpeg choose for themselves, and some refuse.
    ...(rung.uploadFilters.length > 0 ? [] : ['-pix_fmt', rung.encoder === 'h264_qsv' ? 'nv12' : 'yuv420p']),
    // A closed GOP of two seconds: every segment begins with a key frame, and players can seek.
    ...['-g', '60', '-r', '30', '-fps_mode', 'cfr'],
    ...['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'],
  ];
}

function tuning(name: EncoderRungName, { gpuIndex, threads }: EncoderSettings): readonly string[] {
  const nvenc = [
    '-preset',
    'p5',
    '-tune',
    'hq',
    '-rc',
    'vbr',
    ...(gpuIndex === undefined ? [] : ['-gpu', `${gpuIndex}`]),
  ];
  switch (name) {
    case 'h264_nvenc':
    case 'h264_nvenc-no-level':
      return [...nvenc, '-spatial-aq', '1', '-temporal-aq', '1'];
    case 'h264_nvenc-plain':
      return [...nvenc, '-b_ref_mode', 'disabled'];
    case 'h264_qsv':
      return ['-preset', 'medium'];
    case 'h264_amf':
      return ['-quality', 'balanced', '-rc', 'vbr_peak'];
    case 'h264_vaapi':
      return ['-rc_mode', 'VBR'];
    case 'libx264':
      // Measured at 16 Mbit/s on a moving fractal (CPU seconds, SSIM): faster 17.9, 0.9959; veryfast 10.8, 0.9953;
      // superfast 7.0, 0.9949; ultrafast 4.1, 0.9894 (no CABAC, no B frames, no deblocking).
      return ['-preset', 'superfast', ...(threads === undefined ? [] : ['-threads', `${threads}`])];
  }
}

/**
 * `studio` is the old system's average rate. `quality` holds a constant quality below the same maximum, where the
 * encoder has such a mode; AMF and VAAPI have none that all FFmpeg versions know, so they keep the average rate.
 */
function rates(
  encoder: string,
  profile: RateProfile,
  { rate, rateMax, buffer }: StreamTarget,
): readonly string[] {
  const limit = ['-maxrate', rateMax, '-bufsize', buffer];
  if (profile === 'quality') {
    if (encoder === 'h264_nvenc') return ['-cq', '21', '-b:v', '0', ...limit];
    if (encoder === 'libx264') return ['-crf', '19', ...limit];
    if (encoder === 'h264_qsv') return ['-global_quality', '21', ...limit];
  }
  return ['-b:v', rate, ...limit];
}

function hardware(name: EncoderRungName, encoder: string): EncoderRung {
  return { name, encoder, isHardware: true, deviceArguments: [], uploadFilters: [] };
}
