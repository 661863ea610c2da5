/** What can be wrong with an item before it is rendered, and what a render can fail with. Stable: people search for them. */
export const renderProblemCodes = {
  DURATION_UNKNOWN: 'The file cannot be read as media, or nothing tells how long it is.',
  PICTURE_MISSING: 'The file has no picture (cover art is none).',
  PICTURE_TOO_THIN: 'Fitted into the frame, the picture would have a side below 2 pixels.',
  IMAGE_EXPECTED: 'An image item whose file is no image.',
  IMAGE_UNSUPPORTED: 'A vector image, or a playlist: FFmpeg does not read it the same everywhere.',
  SOURCE_TRUNCATED: 'The file ends before its own duration.',
  SOURCE_DAMAGED:
    'Pieces of the file are lost. A warning where the picture goes on, with flaws; an error where it would stand still.',
  SOUND_TOO_LONG: 'The sound is much longer than the picture.',
  LOGO_UNREADABLE: 'The logo cannot be read as an image.',
  TEXT_TOO_LONG: 'More graphemes than can be typed.',
  SOUND_SHORT: 'Warning: the sound ends over a second before the picture; silence follows.',
  SOUND_EMPTY: 'Warning: a sound stream without a single packet; silence instead.',
  LOUDNESS_UNKNOWN: 'Warning: there was no loudness to measure; the sound is left as it is.',
  LOUDNESS_LIMITED: 'Warning: louder, the peaks of the sound would be cut off; it stays below the target.',
  DURATION_UNDECLARED:
    'Warning: the container does not say how long it is, so a missing end cannot be noticed.',
  DURATION_SHORT: 'Warning: the file is shorter than the item estimates.',
  FFMPEG_MISSING: 'FFmpeg or ffprobe could not be started.',
  FFMPEG_UNSUITABLE: 'This FFmpeg lacks a filter, an encoder or an option.',
  FFMPEG_FAILED: 'FFmpeg failed, and its words fit no other row.',
  FFMPEG_STALLED: 'FFmpeg gave neither a frame nor a byte for too long.',
  FFMPEG_KILLED: 'Somebody else ended FFmpeg (the kernel, when memory ran out).',
  ENCODER_SESSION_LIMIT: 'The encoder had no session left: the card gives only so many at once.',
  ENCODER_UNAVAILABLE: 'The GPU or its driver refused the encoder.',
  DISK_FULL: 'No space left.',
  FILE_ACCESS: 'A file could not be read or written.',
  SOURCE_UNREADABLE: 'FFmpeg cannot decode the source.',
  SOURCE_CHANGES:
    'The size or kind of the picture or the sound changes in the middle of the file: convert it first.',
  SEGMENT_WRONG: 'A segment has other frames or samples than planned.',
  OUTPUT_UNREADABLE: 'The finished file cannot be read as an MP4.',
  OUTPUT_STREAMS_WRONG: 'The finished file has no picture or no sound, or more than one.',
  OUTPUT_FRAMES_WRONG: 'The finished file has other frames, or another rate, than planned.',
  OUTPUT_CODEC_WRONG:
    'Codec, profile, level, size, pixels or sound of the finished file are not those of the job.',
  OUTPUT_COLOR_WRONG: 'The colour tags of the finished file are not bt709 in the tv range.',
  OUTPUT_LENGTH_WRONG: 'Picture, sound or the whole of the finished file is longer or shorter than planned.',
  OUTPUT_NOT_FASTSTART: 'The index of the finished file does not come first.',
  OUTPUT_UNDECODABLE: 'What was decoded of the finished file has errors.',
  OUTPUT_BLACK: 'Warning: the picture of the result is black for some seconds.',
  OUTPUT_FROZEN: 'Warning: the picture of the result stands still for some seconds, and is no still.',
  OUTPUT_SILENT: 'Warning: the result is silent for some seconds where its items have sound.',
} as const;

export type RenderProblemCode = keyof typeof renderProblemCodes;
