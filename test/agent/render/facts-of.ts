import type { AudioStreamFacts, MediaFacts, VideoStreamFacts } from '../../../agent/render/facts.ts';
import type { RenderItem } from '../../../agent/render/render-request.ts';

/** A plain Full HD clip of two seconds, with sound; whatever differs is given. */
export function clipFacts(changes: Partial<MediaFacts> = {}): MediaFacts {
  return {
    sizeBytes: 1000,
    formatName: 'mov,mp4,m4a,3gp,3g2,mj2',
    isImage: false,
    containerDurationSeconds: 2,
    containerStartSeconds: 0,
    video: [videoFacts()],
    audio: [audioFacts()],
    hasPartialEnd: false,
    scanWarnings: [],
    ...changes,
  };
}

export function videoFacts(changes: Partial<VideoStreamFacts> = {}): VideoStreamFacts {
  return {
    index: 0,
    codec: 'h264',
    width: 1920,
    height: 1080,
    sampleAspectRatio: 1,
    rotation: 0,
    averageFrameRate: 25,
    baseFrameRate: 25,
    declaredDurationSeconds: 2,
    startSeconds: 0,
    scan: { packets: 50, firstSeconds: 0, endSeconds: 2 },
    pixelFormat: 'yuv420p',
    isAttachedPicture: false,
    ...changes,
  };
}

export function audioFacts(changes: Partial<AudioStreamFacts> = {}): AudioStreamFacts {
  return {
    index: 1,
    codec: 'aac',
    sampleRate: 48_000,
    channels: 2,
    declaredDurationSeconds: 2,
    startSeconds: 0,
    scan: { packets: 94, firstSeconds: 0, endSeconds: 2 },
    ...changes,
  };
}

export function imageFacts(changes: Partial<VideoStreamFacts> = {}): MediaFacts {
  const stream = videoFacts({ codec: 'png', pixelFormat: 'rgb24', ...changes });
  const facts = clipFacts({ formatName: 'png_pipe', isImage: true, audio: [] });
  const video = [without(stream, 'declaredDurationSeconds', 'scan')];
  return { ...without(facts, 'containerDurationSeconds'), video };
}

/** A copy in which some optional fields are absent. */
export function without<T extends object, K extends keyof T>(whole: T, ...absent: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(whole).filter(([key]) => !absent.includes(key as K))) as Omit<
    T,
    K
  >;
}

export function clipItem(changes: Partial<RenderItem> = {}): RenderItem {
  const position = changes.position ?? 0;
  return {
    position,
    itemType: 'video',
    fileName: `video_${position}.mp4`,
    sourcePath: `\\\\nas\\Share\\clip${position}.mp4`,
    sha256: 'a'.repeat(64),
    facts: clipFacts(),
    ...changes,
  };
}
