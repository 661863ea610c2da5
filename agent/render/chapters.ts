import { framesPerSecond, type SegmentPlan } from './render-plan.ts';

/** Characters of a title that a chapter keeps: the MP4's chapter list holds 255 bytes. */
const titleCharsMax = 60;

/**
 * FFmpeg's metadata file with a chapter for every item that has a title; it runs until the next one begins. Undefined
 * when no item has a title. Pure.
 */
export function chaptersFile(segments: readonly SegmentPlan[]): string | undefined {
  const starts: { frame: number; title: string }[] = [];
  let frame = 0;
  for (const segment of segments) {
    const title = plainTitle(segment.title ?? '');
    if (title !== '') starts.push({ frame, title });
    frame += segment.frames;
  }
  if (starts.length === 0) return undefined;
  const chapters = starts.map(({ frame: start, title }, index) => {
    const end = starts[index + 1]?.frame ?? frame;
    return `[CHAPTER]\nTIMEBASE=1/${framesPerSecond}\nSTART=${start}\nEND=${end}\ntitle=${escapeMetadata(title)}\n`;
  });
  return `;FFMETADATA1\n${chapters.join('')}`;
}

function plainTitle(title: string): string {
  const line = title
    .toWellFormed()
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return Array.from(line).slice(0, titleCharsMax).join('');
}

/** The format's own special characters get a backslash. */
function escapeMetadata(text: string): string {
  return text.replace(/[=;#\\\n]/gu, (found) => `\\${found}`);
}
