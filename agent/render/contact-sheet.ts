import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { clockText } from './clock-text.ts';
import { chooseSheetFrames, type SheetFrame } from './contact-times.ts';
import { ExtraFailedError } from './extra-failed.ts';
import { type FfmpegContext, runFfmpeg, runFfprobe } from './ffmpeg.ts';
import { commonArguments, inputArguments } from './ffmpeg-arguments.ts';
import { resolveFont, writeFont } from './fonts.ts';
import { fontsFolderName } from './graph.ts';
import { framesPerSecond, type RenderPlan } from './render-plan.ts';

/** In the work folder. */
const files = { sheet: 'sheet.jpg', script: 'sheet.ass' } as const;
const columnsMax = 6;
const cell = { width: 320, height: 180 } as const;

/**
 * One JPEG of a result: frames of all its items in rows, each with its time and its item's name. Returns the file's name in the
 * work folder. Throws ExtraFailedError, or the signal's reason.
 */
export async function makeContactSheet(
  context: FfmpegContext,
  plan: RenderPlan,
  file: string,
): Promise<string> {
  const frames = chooseSheetFrames(plan.segments, await keyFrameTimes(context, file));
  if (frames.length === 0) throw new ExtraFailedError('the result has no key frame');
  const font = await resolveFont();
  const { workFolder } = context.request;
  await writeFont(font, path.join(workFolder, fontsFolderName));
  await writeFile(path.join(workFolder, files.script), sheetScript(frames, font.family));
  const result = await runFfmpeg(context, 'contact sheet', sheetArguments(file, frames));
  context.signal.throwIfAborted();
  if (!result.succeeded) throw new ExtraFailedError(result.errorLines.at(-1) ?? 'FFmpeg failed');
  return files.sheet;
}

/** Only numbers and names of ours are in the graph: what people wrote is drawn nowhere. */
export function sheetArguments(file: string, frames: readonly SheetFrame[]): readonly string[] {
  const half = 0.5 / framesPerSecond;
  const wanted = frames.map(
    ({ seconds }) => `between(t,${(seconds - half).toFixed(4)},${(seconds + half).toFixed(4)})`,
  );
  const { columns, rows } = gridOf(frames.length);
  const graph = [
    `select='${wanted.join('+')}'`,
    `scale=${cell.width}:${cell.height}`,
    `tile=${columns}x${rows}:nb_frames=${frames.length}`,
    `ass=${files.script}:fontsdir=${fontsFolderName}`,
    // JPEG knows one matrix only.
    'scale=iw:ih:in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc',
    'format=yuvj420p',
  ].join(',');
  return [
    ...commonArguments,
    ...['-skip_frame', 'nokey'],
    ...inputArguments(file, undefined, 'mov'),
    ...['-map', '0:v:0', '-vf', graph, '-frames:v', '1', '-fps_mode', 'passthrough'],
    ...['-c:v', 'mjpeg', '-q:v', '4', '-f', 'image2', '-update', '1', files.sheet],
  ];
}

/** The times and items' names, each in the corner of its frame. */
export function sheetScript(frames: readonly SheetFrame[], fontFamily: string): string {
  const { columns, rows } = gridOf(frames.length);
  const lines = frames.map(({ seconds, segment }, index) => {
    const x = (index % columns) * cell.width + 8;
    const y = (Math.floor(index / columns) + 1) * cell.height - 6;
    return `Dialogue: 0,0:00:00.00,9:59:59.00,Default,,0,0,0,,{\\an1\\pos(${x},${y})}${clockText(seconds)}  ${segment.name}`;
  });
  return `[Script Info]
ScriptType: v4.00+
PlayResX: ${columns * cell.width}
PlayResY: ${rows * cell.height}
WrapStyle: 2
YCbCr Matrix: TV.709

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,${fontFamily},20,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,0,1,0,0,0,-1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
${lines.join('\n')}
`;
}

function gridOf(count: number): { readonly columns: number; readonly rows: number } {
  const columns = Math.min(columnsMax, count);
  return { columns, rows: Math.ceil(count / columns) };
}

/** 12 h at a key frame in 15 frames: more is no result of ours. */
const keyFramesMax = 100_000;
const listTimeoutMs = 120_000;

/** Its packets are read, and nothing is decoded. */
async function keyFrameTimes(context: FfmpegContext, file: string): Promise<readonly number[]> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v:0',
    '-show_entries',
    'packet=pts_time,flags',
    '-of',
    'csv=p=0',
    file,
  ];
  const times: number[] = [];
  const result = await runFfprobe(context, 'key frames', args, {
    timeoutMs: listTimeoutMs,
    onStdoutLine(line) {
      const [seconds, flags] = line.split(',');
      if (flags?.startsWith('K') === true && times.length < keyFramesMax) times.push(Number(seconds));
    },
  });
  context.signal.throwIfAborted();
  if (!result.succeeded) throw new ExtraFailedError('ffprobe cannot list its key frames');
  return times.filter(Number.isFinite).toSorted((a, b) => a - b);
}
