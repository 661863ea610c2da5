import type { AudioStreamFacts, MediaFacts, VideoStreamFacts } from './facts.ts';

/** The picture that players show: never cover art, and one that can be decoded where there is one. */
export function choosePicture(facts: MediaFacts): VideoStreamFacts | undefined {
  const pictures = facts.video.filter((stream) => !stream.isAttachedPicture);
  return preferred(pictures.filter(isPlayable)) ?? pictures.find(isKnown);
}

/** The sound that players play; undefined when no stream can be decoded, or has any packets. */
export function chooseSound(facts: MediaFacts): AudioStreamFacts | undefined {
  return preferred(facts.audio.filter(isPlayable));
}

/** The one that the file marks as its default, else the first. */
function preferred<Stream extends { readonly isDefault?: boolean }>(
  streams: readonly Stream[],
): Stream | undefined {
  return streams.find(({ isDefault }) => isDefault === true) ?? streams[0];
}

function isPlayable(stream: VideoStreamFacts | AudioStreamFacts): boolean {
  return isKnown(stream) && hasPackets(stream);
}

/** Phones write a second sound that no FFmpeg knows, and damage turns a codec's name into none. */
function isKnown({ codec }: VideoStreamFacts | AudioStreamFacts): boolean {
  return codec !== 'unknown';
}

export function hasPackets({ scan }: VideoStreamFacts | AudioStreamFacts): boolean {
  return scan === undefined || scan.packets > 0;
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
