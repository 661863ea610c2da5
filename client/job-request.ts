import {
  itemTypes,
  jobWire,
  noOptions,
  priorityClasses,
  toOptionalDuration,
  toOptions,
} from '../proto/index.ts';
import { RenderfarmError, type Violation } from './errors.ts';
import type { ItemInput, JobInput } from './job-input.ts';

/** protocol.md, rule 10. The controller refuses the same; a larger message would not even reach its checks. */
const itemBytesMax = 4 * 1024;

/**
 * A job as it goes over the wire.
 *
 * @throws RenderfarmError `INVALID_JOB` where some items have a position and some have none, or for a Date that is none;
 *   `JOB_TOO_LARGE` for items that are too large.
 */
export function jobRequest(job: JobInput): jobWire.JobSpec {
  refuse('INVALID_JOB', 'has items without a position', missingPositions(job.items));
  refuse('INVALID_JOB', 'has times that are none', badTimes(job));
  const items = job.items.map(itemRequest);
  refuse('JOB_TOO_LARGE', 'has items that are too large', tooLarge(items));
  return {
    jobId: job.jobId ?? '',
    userId: job.userId,
    channelName: job.channelName,
    enable4k: job.enable4k ?? false,
    items,
    priority: priorityClasses.toWire(job.priority ?? 'normal'),
    queue: job.queue ?? '',
    wishes: job.wishes && { onlyOn: [], notOn: [], labels: [], ...job.wishes },
    notBefore: job.notBefore,
    deadline: job.deadline,
    options: job.options && toOptions({ ...noOptions, ...job.options }),
  };
}

function refuse(code: string, what: string, violations: readonly Violation[]): void {
  if (violations.length > 0) throw new RenderfarmError(code, `the job ${what}`, { violations });
}

function missingPositions(items: readonly ItemInput[]): readonly Violation[] {
  if (items.every((item) => item.position === undefined)) return [];
  return items.flatMap((item, index) =>
    item.position === undefined
      ? [
          {
            field: `items[${index}].position`,
            description: 'is missing: give every item a position, or none',
          },
        ]
      : [],
  );
}

/** What a Timestamp cannot say would be another time on the way. */
function badTimes({ notBefore, deadline }: JobInput): readonly Violation[] {
  const times = [
    { field: 'not_before', time: notBefore },
    { field: 'deadline', time: deadline },
  ];
  return times.flatMap(({ field, time }) => {
    const year = time?.getUTCFullYear() ?? 1970;
    return year >= 1970 && year <= 9999
      ? []
      : [{ field, description: 'must be a time between 1970 and 9999' }];
  });
}

function tooLarge(items: readonly jobWire.Item[]): readonly Violation[] {
  return items.flatMap((item, index) => {
    const bytes = jobWire.Item.encode(item).finish().length;
    const description = `takes ${bytes} bytes, at most ${itemBytesMax}`;
    return bytes > itemBytesMax ? [{ field: `items[${index}]`, description }] : [];
  });
}

function itemRequest(item: ItemInput, index: number): jobWire.Item {
  return {
    position: item.position ?? index,
    itemType: itemTypes.toWire(item.itemType),
    videoId: item.videoId ?? '',
    path: item.path ?? '',
    title: item.title ?? '',
    logoPath: item.logoPath ?? '',
    duration: toOptionalDuration(item.durationMs),
    textAnimationText: item.text ?? '',
    textAnimationWords: [],
    resolution: item.resolution ?? '',
    is4k: item.is4k,
    pathAvailable: item.pathAvailable,
    normalizeLoudness: item.normalizeLoudness ?? false,
  };
}
