import { ExtraFailedError } from './extra-failed.ts';
import { type FfmpegContext, runFfmpeg } from './ffmpeg.ts';
import { commonArguments, inputArguments } from './ffmpeg-arguments.ts';
import { readMadeFile } from './made-file.ts';
import { framesPerSecond, type RenderPlan } from './render-plan.ts';

const file = 'preview.mp4';
/** Of the length, in seconds: two frames of the preview. */
const toleranceSeconds = 0.15;

/**
 * A small MP4 of a result, for a look over a slow line: about 4 MB a minute at most. Returns the file's name in the
 * work folder. Throws ExtraFailedError, or the signal's reason.
 */
export async function makePreview(context: FfmpegContext, plan: RenderPlan, from: string): Promise<string> {
  const result = await runFfmpeg(context, 'preview', previewArguments(from));
  context.signal.throwIfAborted();
  if (!result.succeeded || result.errorLines.length > 0)
    throw new ExtraFailedError(result.errorLines.at(-1) ?? 'FFmpeg failed');
  const made = await readMadeFile(context, 'preview check', file);
  context.signal.throwIfAborted();
  const seconds = made?.format.duration ?? 0;
  const wanted = plan.frames / framesPerSecond;
  if (made?.streams.length !== 2 || Math.abs(seconds - wanted) > toleranceSeconds)
    throw new ExtraFailedError(`it lasts ${seconds} s, should be ${wanted} s`);
  return file;
}

/** In software on every PC: it takes no session of the encoder from the renders. */
export function previewArguments(from: string): readonly string[] {
  return [
    ...commonArguments,
    ...inputArguments(from, undefined, 'mov'),
    // Without its titles a chapter would be a reference to a track that is not there.
    ...['-map', '0:v:0', '-map', '0:a:0', '-map_metadata', '-1', '-map_chapters', '-1'],
    ...['-vf', 'fps=15,scale=640:360:flags=bilinear,format=yuv420p'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '28', '-maxrate', '450k', '-bufsize', '900k'],
    ...['-profile:v', 'main', '-g', '60'],
    ...['-c:a', 'aac', '-b:a', '80k', '-ac', '2'],
    ...['-movflags', '+faststart', '-f', 'mp4', file],
  ];
}
