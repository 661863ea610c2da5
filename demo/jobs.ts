import { randomUUID } from 'node:crypto';
import type { ItemInput, JobInput } from '../client/job-input.ts';
import type { JobState } from '../client/views.ts';

/** A job of the demo, and how it has to end. */
export interface DemoJob {
  /** For the bars and the table. */
  readonly name: string;
  readonly input: JobInput & { readonly jobId: string };
  readonly ends: Extract<JobState, 'published' | 'failed' | 'cancelled'>;
  /** Words that its error has to name. */
  readonly errorNames?: readonly string[];
  /** How far the number of frames may be off what we count in the sources. 0 for clips that we made ourselves. */
  readonly framesOffMax: number;
}

/** The UNC root by which jobs name the demo's share. The agents' mounts lead it to a folder of this machine. */
export const demoShareRoot = '\\\\farm\\Share';

/** UNC path of a file of the demo's share. */
export function onShare(name: string): string {
  return [demoShareRoot, ...name.split('/')].join('\\');
}

/**
 * Six jobs of two users. PC1 alone takes text and 4K, so the second of those is announced to it while it renders the
 * first; the others line up at PC2, and each is announced there while the one before it renders.
 */
export function demoJobs(): readonly DemoJob[] {
  const intro = item('intro', 'brand/intro.mp4', 2, { title: 'Intro' });
  const outro = item('outro', 'brand/outro.mp4', 1.5, { title: 'Outro' });
  const logoPath = onShare('brand/logo.png');
  return [
    job('text and logos', 'ana', 'Morning Mix', [
      intro,
      item('video', 'clips/game-30.mp4', 2, { logoPath, text: 'Good morning!' }),
      item('video', 'clips/cinema-1080p23.mp4', 3, { logoPath, text: 'At the cinema: 24 pictures a second' }),
      item('video', 'clips/old-tv-25.mp4', 3, { logoPath }),
      outro,
    ]),
    job('holiday', 'ana', 'Holiday Album', [
      intro,
      item('image', 'images/title.png', 2, { title: 'Title' }),
      item('video', 'clips/phone-portrait60.mp4', 2.5),
      outro,
    ]),
    job(
      '4K',
      'ben',
      'Ultra Trailer',
      [item('video', 'clips/uhd-30.mp4', 1.5), item('image', 'images/title.png', 0.8)],
      { enable4k: true },
    ),
    job('sports', 'ben', 'Weekly Sports', [
      intro,
      item('video', 'clips/sports-720p50.mkv', 2.5, { logoPath }),
      item('transition', 'clips/game-30.mp4', 2),
      outro,
    ]),
    {
      ...job('to be cancelled', 'ben', 'Long Lecture', [item('video', 'clips/lecture-30.mp4', 40)]),
      ends: 'cancelled',
    },
    {
      ...job('with bad items', 'ana', 'Broken Promises', [
        intro,
        item('video', 'clips/was-deleted.mp4', 3),
        item('video', 'clips/broken.mp4', 3),
        outro,
      ]),
      ends: 'failed',
      errorNames: ['was-deleted.mp4', 'broken.mp4'],
    },
  ];
}

function job(
  name: string,
  userId: string,
  channelName: string,
  items: readonly ItemInput[],
  options: Pick<JobInput, 'enable4k'> = {},
): DemoJob {
  const input = { jobId: randomUUID(), userId, channelName, items: items.map(withPosition), ...options };
  return { name, input, ends: 'published', framesOffMax: 0 };
}

function withPosition(one: ItemInput, position: number): ItemInput {
  return { ...one, position };
}

/** The length is an estimate that never trims, but for an image: there it is how long it is shown. */
function item(
  itemType: ItemInput['itemType'],
  name: string,
  seconds: number,
  more: Partial<ItemInput> = {},
): ItemInput {
  return { itemType, path: onShare(name), durationMs: seconds * 1000, ...more };
}
