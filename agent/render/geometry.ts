import type { VideoStreamFacts } from './facts.ts';
import type { Size } from './render-plan.ts';

export function frameSizeOf(enable4k: boolean): Size {
  return enable4k ? { width: 3840, height: 2160 } : { width: 1920, height: 1080 };
}

/** Space between the logo and the frame's top and right edges, in pixels of the output: mission.md section 5. */
export const logoMargin = 10;

/** The size at which a player shows the stream: square pixels, turned upright. */
export function displaySize(stream: VideoStreamFacts): Size {
  const { width, height, sampleAspectRatio, rotation } = stream;
  const wide = { width: evenFloor(width * sampleAspectRatio), height };
  const isUpright = rotation % 180 === 0;
  // FFmpeg turns the picture before our filters see it, so it is the turned width that is stretched.
  if (sampleAspectRatio === 1) return uprightSize(stream);
  return isUpright ? wide : { width: evenFloor(height / sampleAspectRatio), height: width };
}

/** Its own pixels, turned upright; whether they are square does not matter. */
export function uprightSize({ width, height, rotation }: VideoStreamFacts): Size {
  return rotation % 180 === 0 ? { width, height } : { width: height, height: width };
}

/**
 * The largest rectangle of that shape in the frame, with even sides, as FFmpeg's
 * `force_original_aspect_ratio=decrease:force_divisible_by=2` makes it. A side can be 0: too thin to show.
 */
export function fitInto(frame: Size, source: Size): Size {
  const width = Math.min(frame.width, evenFloor(Math.round((frame.height * source.width) / source.height)));
  const height = Math.min(frame.height, evenFloor(Math.round((frame.width * source.height) / source.width)));
  return { width, height };
}

/** The size to which a logo must be reduced; undefined when it fits between its margins as it is. */
export function reducedLogoSize(frame: Size, logo: Size): Size | undefined {
  const room = { width: frame.width - 2 * logoMargin, height: frame.height - 2 * logoMargin };
  if (logo.width <= room.width && logo.height <= room.height) return undefined;
  const { width, height } = fitInto(room, logo);
  return { width: Math.max(2, width), height: Math.max(2, height) };
}

function evenFloor(pixels: number): number {
  return Math.trunc(pixels / 2) * 2;
}
