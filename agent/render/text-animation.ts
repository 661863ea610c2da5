import { framesPerSecond } from './render-plan.ts';
import { splitGraphemes } from './text.ts';

export interface TextAnimation {
  /** Sanitised (`readableText`) and not empty. */
  readonly text: string;
  /** Length of the clip: no event starts or ends after it. */
  readonly frames: number;
  /** Family of the font that was resolved: libass does not look into `fontsdir` for another name. */
  readonly fontFamily: string;
}

/** All in seconds: mission.md section 5. */
const cycleSeconds = 20;
const wholeUntilSeconds = 10;
const stepSecondsMax = 0.1;
const typingSecondsMax = 6;

const fadeMs = 150;
/** How long the grapheme before the newest one has been fading when an event begins. */
const previousFadedMs = 100;

/**
 * The ASS script that types a text over a clip: one grapheme more at each step, whole until 10 s into each cycle of 20 s.
 * Every event holds the whole text with its rest hidden, so that nothing moves while it is typed; it fades only its last
 * two graphemes. Pure.
 */
export function textAnimation(animation: TextAnimation): string {
  return [header(animation.fontFamily), ...dialogues(animation), ''].join('\n');
}

function header(fontFamily: string): string {
  return `[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080
WrapStyle: 0
ScaledBorderAndShadow: yes
YCbCr Matrix: TV.709

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,${fontFamily},50,&H00FFFF,&H000000FF,&H00000000,&H80000000,-1,0,0,0,100,100,0,0,1,4,3,9,40,40,40,-1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text`;
}

function dialogues({ text, frames }: TextAnimation): string[] {
  const graphemes = splitGraphemes(text);
  const stepSeconds = Math.min(stepSecondsMax, typingSecondsMax / graphemes.length);
  const clipEnd = Math.floor((frames * 100) / framesPerSecond);
  const lines: string[] = [];
  for (let cycle = 0; cycle * cycleSeconds * 100 < clipEnd; cycle += 1) {
    const zero = cycle * cycleSeconds;
    for (const index of graphemes.keys()) {
      const isLast = index === graphemes.length - 1;
      const start = centiseconds(zero + index * stepSeconds);
      const end = Math.min(
        clipEnd,
        centiseconds(zero + (isLast ? wholeUntilSeconds : (index + 1) * stepSeconds)),
      );
      if (start >= end) continue;
      lines.push(
        `Dialogue: 0,${time(start)},${time(end)},Default,,0,0,0,,{\\an9}${typed(graphemes, index + 1)}`,
      );
    }
  }
  return lines;
}

/** The first `shown` graphemes visible, the newest two of them fading in, the rest there but hidden. */
function typed(graphemes: readonly string[], shown: number): string {
  const settled = graphemes.slice(0, Math.max(0, shown - 2));
  const previous = graphemes.slice(Math.max(0, shown - 2), shown - 1);
  const newest = graphemes.slice(shown - 1, shown);
  const hidden = graphemes.slice(shown);
  return [
    run(transparency(1), settled),
    run(fading(previousFadedMs), previous),
    run(fading(0), newest),
    run(transparency(0), hidden),
  ].join('');
}

function run(tags: string, graphemes: readonly string[]): string {
  return graphemes.length === 0 ? '' : `{${tags}}${graphemes.map(escapeAss).join('')}`;
}

/** From where it is after `fadedMs` of its fade to fully visible. */
function fading(fadedMs: number): string {
  return `${transparency(fadedMs / fadeMs)}\\t(0,${fadeMs - fadedMs},${transparency(1)})`;
}

/**
 * Visibility from 0 to 1, per colour: plain `\alpha` would make the shadow opaque, which is half transparent when it is
 * fully shown.
 */
function transparency(visibility: number): string {
  const ink = alpha(255 * (1 - visibility));
  return `\\1a${ink}\\2a${ink}\\3a${ink}\\4a${alpha(255 - visibility * (255 - 128))}`;
}

function alpha(value: number): string {
  return `&H${Math.round(value).toString(16).toUpperCase().padStart(2, '0')}&`;
}

/** U+2060: has no shape and no width, and ends what would otherwise be an escape. */
const wordJoiner = '\u2060';

/** Literal braces and backslashes: `\N` typed by a person must not start a new line. */
function escapeAss(grapheme: string): string {
  return grapheme.replace(/[\\{}]/gu, (found) => (found === '\\' ? `\\${wordJoiner}` : `\\${found}`));
}

function centiseconds(seconds: number): number {
  return Math.round(seconds * 100);
}

/** `H:MM:SS.cc` */
function time(hundredths: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const seconds = Math.floor(hundredths / 100);
  return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}.${two(hundredths % 100)}`;
}
