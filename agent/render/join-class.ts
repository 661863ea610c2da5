import { createHash } from 'node:crypto';
import type { MadeStream } from './made-file.ts';
import type { EncoderChoice } from './render-request.ts';

/**
 * What files must have in common to be joined without encoding: codec parameters with the decoder's own setup
 * (extradata), ticks a second, colours, and the arguments of the encoder. The test encode of a PC and its segments have
 * the same class: so it can be told beforehand whose segments it may join.
 */
export function joinClassOf(
  video: MadeStream,
  { rung, profile }: Pick<EncoderChoice, 'rung' | 'profile'>,
): string {
  const {
    codec_name,
    profile: codecProfile,
    level,
    width,
    height,
    pix_fmt,
    extradata_hash,
    time_base,
  } = video;
  const { color_range, color_space, color_transfer, color_primaries } = video;
  const parts = [codec_name, codecProfile, level, width, height, pix_fmt, extradata_hash, time_base];
  const colors = [color_range, color_space, color_transfer, color_primaries];
  return createHash('sha256')
    .update(JSON.stringify([...parts, ...colors, rung, profile]))
    .digest('hex');
}
