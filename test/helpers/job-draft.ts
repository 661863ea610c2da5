import type { ItemDraft, JobDraft } from '../../controller/domain/job-draft.ts';

/** The least of an item that is right. */
export const itemDraft: ItemDraft = {
  position: 0,
  itemType: 'video',
  videoId: 'v1',
  path: '',
  title: '',
  logoPath: '',
  durationMs: undefined,
  text: '',
  words: [],
  resolution: '',
  is4k: undefined,
  pathAvailable: undefined,
  normalizeLoudness: false,
  encodedBytes: 60,
};

/** The least of a job that is right. */
export const jobDraft: JobDraft = {
  jobId: '',
  userId: 'user 1',
  channelName: 'Chan',
  enable4k: false,
  items: [itemDraft],
  priority: 'normal',
  queue: '',
  wishes: undefined,
  notBeforeMs: undefined,
  deadlineMs: undefined,
  options: undefined,
  encodedBytes: 100,
};
