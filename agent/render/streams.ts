import type { AudioStreamFacts, MediaFacts, VideoStreamFacts } from './facts.ts';

/** The first picture stream that is not cover art. */
export function choosePicture(facts: MediaFacts): VideoStreamFacts | undefined {
  return facts.video.find((stream) => !stream.isAttachedPicture);
}

/** The first sound stream that has any packets. */
export function chooseSound(facts: MediaFacts): AudioStreamFacts | undefined {
  return facts.audio.find((stream) => stream.scan === undefined || stream.scan.packets > 0);
}

/** How far a declared duration may reach beyond the packets and still be believed. */
const believedTailSeconds = 0.5;

/**
 * Where a stream really ends, in seconds after the container's start (that is FFmpeg's zero). The packets decide; a
 * declared end just behind them is the time that the last frame stays on screen. Undefined when the file tells neither.
 */
export function streamEndSeconds(
  facts: MediaFacts,
  stream: VideoStreamFacts | AudioStreamFacts,
): number | undefined {
  const declared = declaredEndSeconds(facts, stream);
  if (stream.scan === undefined) return declared;
  const scanned = stream.scan.endSeconds - facts.containerStartSeconds;
  if (declared !== undefined && declared > scanned && declared <= scanned + believedTailSeconds)
    return declared;
  return scanned;
}

/** Where the stream says that it ends, after the container's start. */
export function declaredEndSeconds(
  facts: MediaFacts,
  stream: VideoStreamFacts | AudioStreamFacts,
): number | undefined {
  if (stream.declaredDurationSeconds === undefined) return undefined;
  return stream.startSeconds - facts.containerStartSeconds + stream.declaredDurationSeconds;
}
