import path from 'node:path';
import { runProcess } from '../agent/process/run.ts';
import type { ItemType } from '../proto/agent-link.ts';

/** One item of the measured job: a file and what is drawn on it. */
export interface BenchItem {
  readonly file: string;
  readonly itemType: ItemType;
  readonly logo?: string;
  readonly text?: string;
  readonly durationMs?: number;
}

/** A compilation's usual mix: sizes, rates, sound layouts; every third clip has a logo or a text. */
const kinds: readonly { readonly size: string; readonly rate: string; readonly sound?: string }[] = [
  { size: '1920x1080', rate: '30', sound: 'sine=440:r=48000' },
  { size: '1280x720', rate: '25', sound: 'sine=550:r=44100' },
  { size: '1920x1080', rate: '60', sound: 'sine=660:r=48000' },
  { size: '720x576', rate: '25', sound: 'sine=330:r=22050' },
  { size: '1080x1920', rate: '30', sound: 'sine=770:r=48000' },
  { size: '1920x1080', rate: '24000/1001', sound: 'sine=880:r=48000' },
  { size: '1280x720', rate: '50' },
  { size: '3840x2160', rate: '30', sound: 'sine=990:r=48000' },
  { size: '854x480', rate: '30000/1001', sound: 'sine=220:r=32000' },
  { size: '1920x1080', rate: '25', sound: 'sine=250:r=48000' },
  { size: '1440x1080', rate: '30', sound: 'sine=270:r=48000' },
];

/** Makes the sources of a job of `count` items, the last of every twelve an image. */
export async function makeBenchItems(
  folder: string,
  count: number,
  clipSeconds: number,
): Promise<BenchItem[]> {
  const logo = path.join(folder, 'logo.png');
  await ffmpeg(['-f', 'lavfi', '-i', 'color=c=red:s=240x120,format=rgba', '-frames:v', '1', logo]);
  const items: BenchItem[] = [];
  for (let index = 0; index < count; index += 1) items.push(await makeItem(folder, index, clipSeconds, logo));
  return items;
}

async function makeItem(folder: string, index: number, seconds: number, logo: string): Promise<BenchItem> {
  const kind = kinds[index % (kinds.length + 1)];
  if (kind === undefined) {
    const file = path.join(folder, `source_${index}.png`);
    await ffmpeg(['-f', 'lavfi', '-i', 'testsrc2=s=2400x1600', '-frames:v', '1', file]);
    return { file, itemType: 'image', durationMs: seconds * 1000 };
  }
  const file = path.join(folder, `source_${index}.mp4`);
  // The start differs, so that no two clips have the same content and none is taken from the cache on the first run.
  const picture = `testsrc2=s=${kind.size}:r=${kind.rate}:d=${seconds + 1},trim=start=${(index % 30) / 30},setpts=PTS-STARTPTS,trim=duration=${seconds}`;
  const sound =
    kind.sound === undefined
      ? []
      : ['-f', 'lavfi', '-i', `${kind.sound}:d=${seconds},volume=${1 - (index % 50) / 100}`];
  await ffmpeg([
    ...['-f', 'lavfi', '-i', picture, ...sound],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20', '-pix_fmt', 'yuv420p', '-c:a', 'aac', file],
  ]);
  const drawn = index % 3 === 0 ? { logo } : index % 3 === 1 ? { text: `Clip number ${index + 1}` } : {};
  return { file, itemType: 'video', ...drawn };
}

async function ffmpeg(args: readonly string[]): Promise<void> {
  const result = await runProcess({ file: 'ffmpeg', args: ['-v', 'error', '-nostdin', '-y', ...args] });
  if (!result.succeeded) throw new Error(`ffmpeg failed: ${result.stderrTail.join('\n')}`);
}
