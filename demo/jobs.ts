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

/** An id that the demo's catalogue knows: it leads to a clip of the share. */
export const sportsVideoId = 'SPORTS-720';

/** UNC path of a file of the demo's share. */
export function onShare(name: string): string {
  return [demoShareRoot, ...name.split('/')].join('\\');
}

/**
 * Six jobs of two users. PC1 alone takes text and 4K, and those are urgent, so that it has work for a while; the others
 * line up at PC2. Each agent is told of its next job while it renders the one before, and fetches the files meanwhile.
 */
export function demoJobs(): readonly DemoJob[] {
  const intro = item('intro', 'brand/intro.mp4', 2, { title: 'Intro' });
  const outro = item('outro', 'brand/outro.mp4', 1.5, { title: 'Outro' });
  const title = item('image', 'images/title.png', 2, { title: 'Title' });
  const logoPath = onShare('brand/logo.png');
  return [
    job('text and logos', { userId: 'ana', channelName: 'Morning Mix', priority: 'urgent' }, [
      intro,
      item('video', 'clips/game-30.mp4', 2, { logoPath, text: 'Good morning!' }),
      item('video', 'clips/cinema-1080p23.mp4', 3, { logoPath, text: 'At the cinema: 24 pictures a second' }),
      item('video', 'clips/old-tv-25.mp4', 3, { logoPath }),
      outro,
    ]),
    job('4K', { userId: 'ben', channelName: 'Ultra Trailer', enable4k: true, priority: 'urgent' }, [
      item('video', 'clips/uhd-30.mp4', 1.5),
      { ...title, durationMs: 800 },
    ]),
    jobToCancel(),
    job('holiday', { userId: 'ana', channelName: 'Holiday Album' }, [
      intro,
      title,
      item('video', 'clips/phone-portrait60.mp4', 2.5),
      outro,
    ]),
    job('sports', { userId: 'ana', channelName: 'Weekly Sports' }, [
      intro,
      item('video', 'clips/sports-720p50.mkv', 2.5, { logoPath, videoId: sportsVideoId }),
      item('transition', 'clips/game-30.mp4', 2),
      outro,
    ]),
    jobWithBadItems(intro, outro),
  ];
}

/** Five minutes, and a text, so that it goes to PC1: there is time to change one's mind. */
function jobToCancel(): DemoJob {
  const lessons = Array.from({ length: 30 }, (_, index) =>
    item('video', 'clips/lecture-30.mp4', 10, { text: `Lesson ${index + 1}` }),
  );
  const wishes = { userId: 'ben', channelName: 'Long Lecture', priority: 'high' } as const;
  return { ...job('to be cancelled', wishes, lessons), ends: 'cancelled' };
}

/** One file is not there, one is no clip: both have to be named. */
function jobWithBadItems(intro: ItemInput, outro: ItemInput): DemoJob {
  const gone = item('video', 'clips/was-deleted.mp4', 3);
  const broken = item('video', 'clips/broken.mp4', 3);
  const wishes = { userId: 'ben', channelName: 'Broken Promises' };
  return {
    ...job('with bad items', wishes, [intro, gone, broken, outro]),
    ends: 'failed',
    errorNames: ['was-deleted.mp4', 'broken.mp4'],
  };
}

function job(name: string, wishes: Omit<JobInput, 'items' | 'jobId'>, items: readonly ItemInput[]): DemoJob {
  const input = { ...wishes, jobId: randomUUID(), items: items.map(withPosition) };
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
