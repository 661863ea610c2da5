import type { VideoStreamFacts } from './facts.ts';
import type { ColorPlan } from './render-plan.ts';

/** ffprobe's matrix names in the words of FFmpeg's `scale` filter. */
const scaleMatrices: Readonly<Record<string, string>> = {
  bt709: 'bt709',
  smpte170m: 'smpte170m',
  bt470bg: 'bt470',
  fcc: 'fcc',
  smpte240m: 'smpte240m',
  bt2020nc: 'bt2020',
  bt2020c: 'bt2020',
};

/**
 * What FFmpeg's filters know of the colours of HDR; anything else that a file claims is taken as bt2020. So is bt2020c
 * (constant luminance), which zscale cannot take from PQ or HLG: what claims it is nearly always bt2020nc.
 */
const hdrPrimaries: readonly string[] = ['bt2020', 'bt709', 'smpte431', 'smpte432'];
const hdrMatrices: readonly string[] = ['bt2020nc', 'bt709'];

/** From so many lines up an untagged picture is taken as bt709, below as bt601: what makers of players agree on. */
const bt709FromLines = 720;

/**
 * What the source's numbers mean. The matrix is always decided here: left to FFmpeg, an untagged 1080p clip was read as
 * bt601 (its luma went from 100 to 87). A PQ or HLG source without primaries or matrix is taken as bt2020.
 */
export function planColor(stream: VideoStreamFacts): ColorPlan {
  const { colorTransfer: transfer, colorPrimaries, colorMatrix, colorRange, height } = stream;
  const range = colorRange === 'pc' || stream.pixelFormat.startsWith('yuvj') ? 'pc' : 'tv';
  if (transfer === 'smpte2084' || transfer === 'arib-std-b67') {
    return {
      kind: 'hdr',
      transfer,
      primaries: hdrPrimaries.find((name) => name === colorPrimaries) ?? 'bt2020',
      matrix: hdrMatrices.find((name) => name === colorMatrix) ?? 'bt2020nc',
      range,
    };
  }
  const byLines = height >= bt709FromLines ? 'bt709' : 'smpte170m';
  return { kind: 'sdr', matrix: scaleMatrices[colorMatrix ?? ''] ?? byLines, range };
}

/**
 * Whether the result would say where its colours were sampled, which H.264 writes into its parameter sets: a segment of a
 * JPEG could then not be joined with one of a clip.
 */
export function planChroma({ chromaLocation, pixelFormat }: VideoStreamFacts): 'left' | 'named' | 'moved' {
  if (chromaLocation === undefined || chromaLocation === 'left') return 'left';
  return pixelFormat.includes('420') ? 'moved' : 'named';
}

/** Whether pixels can be transparent, and in which family of formats. */
export function planAlpha(pixelFormat: string): 'none' | 'rgb' | 'yuv' {
  if (/^(?:rgba|bgra|argb|abgr|gbrap|ya8|ya16|pal8)/u.test(pixelFormat)) return 'rgb';
  return pixelFormat.startsWith('yuva') ? 'yuv' : 'none';
}
