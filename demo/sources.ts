/** One file of the demo's share: made by FFmpeg's own generators, from nothing. */
export interface DemoSource {
  /** Path inside the share, with slashes. */
  readonly name: string;
  /** FFmpeg's arguments before the output file; empty for a file that is written as text. */
  readonly args: readonly string[];
  /** What is written instead, for the file that no decoder can read. */
  readonly text?: string;
}

/** No demo is a test of x264: quick to make, and small. */
const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
const aac = ['-c:a', 'aac', '-b:a', '128k'];

/**
 * Sizes, frame rates and sound layouts that a studio meets, none like the other: every clip has to be scaled, padded,
 * resampled or filled with silence to fit the same film.
 */
export const demoSources: readonly DemoSource[] = [
  clip(
    'brand/intro.mp4',
    picture('testsrc2', '1280x720', '25', 2),
    sound('sine=f=660:b=4', 2, 'stereo', 48_000),
  ),
  clip(
    'brand/outro.mp4',
    picture('smptehdbars', '1920x1080', '30', 1.5),
    sound('sine=f=440', 1.5, 'mono', 22_050),
  ),
  clip(
    'clips/cinema-1080p23.mp4',
    picture('gradients', '480x270', '24000/1001', 3, 'scale=1920:1080'),
    sound('sine=f=330:b=2', 3, 'stereo', 44_100),
  ),
  clip('clips/phone-portrait60.mp4', picture('testsrc2', '540x960', '60', 2.5), []),
  clip(
    'clips/old-tv-25.mp4',
    picture('smptebars', '640x480', '25', 3),
    sound('sine=f=880:b=8', 3, 'mono', 22_050),
  ),
  clip(
    'clips/sports-720p50.mkv',
    picture('testsrc', '1280x720', '50', 2.5),
    sound('sine=f=520:b=3', 2.5, '5.1', 48_000),
  ),
  clip(
    'clips/game-30.mp4',
    picture('rgbtestsrc', '1366x768', '30', 2),
    sound('sine=f=740', 2, 'stereo', 48_000),
  ),
  clip(
    'clips/uhd-30.mp4',
    picture('testsrc2', '3840x2160', '30', 1.5),
    sound('sine=f=600:b=2', 1.5, 'stereo', 48_000),
  ),
  clip(
    'clips/lecture-30.mp4',
    picture('smptebars', '640x360', '30', 10),
    sound('sine=f=200', 10, 'mono', 22_050),
  ),
  { name: 'images/title.png', args: ['-f', 'lavfi', '-i', 'mandelbrot=s=1600x1200', '-frames:v', '1'] },
  { name: 'brand/logo.png', args: logo() },
  { name: 'clips/broken.mp4', args: [], text: 'This was a clip before its disk died.\n'.repeat(200) },
];

function clip(name: string, pictureInput: readonly string[], soundInput: readonly string[]): DemoSource {
  const inputs = [...pictureInput, ...soundInput];
  return { name, args: [...inputs, ...h264, ...(soundInput.length === 0 ? [] : aac), '-shortest'] };
}

function picture(
  generator: string,
  size: string,
  rate: string,
  seconds: number,
  filter = 'null',
): readonly string[] {
  return ['-f', 'lavfi', '-i', `${generator}=s=${size}:r=${rate}:d=${seconds},${filter}`];
}

function sound(generator: string, seconds: number, layout: string, rate: number): readonly string[] {
  const graph = `${generator}:r=${rate}:d=${seconds},aformat=channel_layouts=${layout}`;
  return ['-f', 'lavfi', '-i', graph];
}

/** A disc on a clear ground: what is transparent must stay so in the film. */
function logo(): readonly string[] {
  const disc = "geq=r=230:g=40:b=90:a='255*lte(hypot(X-W/2,Y-H/2),H/2-2)'";
  return [
    '-f',
    'lavfi',
    '-i',
    `color=c=black:s=160x160,format=rgba,${disc}`,
    '-frames:v',
    '1',
    '-pix_fmt',
    'rgba',
  ];
}
