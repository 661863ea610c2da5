import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { clockText } from './clock-text.ts';
import { chooseSheetFrames, type SheetFrame, sheetLooks } from './contact-times.ts';
import { ExtraFailedError } from './extra-failed.ts';
import { type FfmpegContext, runFfmpeg, runFfprobe } from './ffmpeg.ts';
import { commonArguments, inputArguments } from './ffmpeg-arguments.ts';
import { resolveFont, writeFont } from './fonts.ts';
import { fontsFolderName } from './graph.ts';
import { framesPerSecond, type RenderPlan } from './render-plan.ts';

/** In the work folder. */
const files = { sheet: 'sheet.jpg', script: 'sheet.ass', list: 'sheet.txt' } as const;
const columnsMax = 6;
const cell = { width: 320, height: 180 } as const;

/**
 * One JPEG of a result: frames of all its items in rows, each with its time and its item's name. Returns the file's name in the
 * work folder. The file is read at these frames only: hours in 4K take no longer than minutes. Throws ExtraFailedError, or the signal's reason.
 */
export async function makeContactSheet(
  context: FfmpegContext,
  plan: RenderPlan,
  file: string,
): Promise<string> {
  const looks = sheetLooks(plan.segments);
  const frames = chooseSheetFrames(plan.segments, await keyFrameTimes(context, file, looks));
  if (frames.length === 0) throw new ExtraFailedError('the result has no key frame');
  const font = await resolveFont();
  const { workFolder } = context.request;
  await writeFont(font, path.join(workFolder, fontsFolderName));
  await writeFile(path.join(workFolder, files.script), sheetScript(frames, font.family));
  await writeFile(path.join(workFolder, files.list), sheetList(file, frames));
  const result = await runFfmpeg(context, 'contact sheet', sheetArguments(frames.length));
  context.signal.throwIfAborted();
  if (!result.succeeded) throw new ExtraFailedError(result.errorLines.at(-1) ?? 'FFmpeg failed');
  return files.sheet;
}

/**
 * The result once for each frame, from there to the frame behind it. It is entered half a frame late: a seek goes to the key
 * frame before, and a rounded time may lie just before the one that is meant. Names of ours need no escaping.
 */
export function sheetList(file: string, frames: readonly SheetFrame[]): string {
  const entries = frames.map(({ seconds }) => {
    const [from, to] = [seconds + 0.5 / framesPerSecond, seconds + 1.5 / framesPerSecond];
    return `file ${file}\ninpoint ${from.toFixed(6)}\noutpoint ${to.toFixed(6)}\n`;
  });
  return `ffconcat version 1.0\n${entries.join('')}`;
}

/** Only numbers and names of ours are in the graph: what people wrote is drawn nowhere. */
function sheetArguments(count: number): readonly string[] {
  const { columns, rows } = gridOf(count);
  const graph = [
    `scale=${cell.width}:${cell.height}`,
    `tile=${columns}x${rows}:nb_frames=${count}`,
    `ass=${files.script}:fontsdir=${fontsFolderName}`,
    // JPEG knows one matrix only.
    'scale=iw:ih:in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc',
    'format=yuvj420p',
  ].join(',');
  return [
    ...commonArguments,
    ...['-skip_frame', 'nokey', '-f', 'concat', '-safe', '0'],
    ...inputArguments(files.list, undefined, 'concat,mov'),
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

/** So many seeks in one file take seconds, on a slow disk too. */
const listTimeoutMs = 120_000;

/** The key frames before these times. One packet is read for each, and nothing is decoded. */
async function keyFrameTimes(
  context: FfmpegContext,
  file: string,
  looks: readonly number[],
): Promise<readonly number[]> {
  const args = [
    ...['-v', 'error', '-select_streams', 'v:0'],
    ...['-read_intervals', looks.map((seconds) => `${seconds.toFixed(6)}%+#1`).join(',')],
    ...['-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0', file],
  ];
  const times = new Set<number>();
  const result = await runFfprobe(context, 'key frames', args, {
    timeoutMs: listTimeoutMs,
    onStdoutLine(line) {
      const [seconds, flags] = line.split(',');
      if (flags?.startsWith('K') === true && times.size < looks.length) times.add(Number(seconds));
    },
  });
  context.signal.throwIfAborted();
  if (!result.succeeded) throw new ExtraFailedError('ffprobe cannot list its key frames');
  return [...times].filter(Number.isFinite).toSorted((a, b) => a - b);
}
