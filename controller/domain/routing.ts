import type { ItemType } from '../../proto/agent-link.ts';

/** What must hold for a rule; every condition that is present must, so that an empty one always does. */
export interface RouteCondition {
  readonly enable4k?: boolean;
  /** More `video` items than this. */
  readonly videosMoreThan?: number;
  /** Some `video` item has (or: none has) a text. */
  readonly anyText?: boolean;
}

export interface RouteRule {
  /** Shown to people as the reason for a job's queue. */
  readonly name: string;
  readonly when: RouteCondition;
  readonly queue: string;
}

/** Rules are tried in order; the first that holds decides. */
export interface RoutingTable {
  readonly rules: readonly RouteRule[];
  readonly defaultQueue: string;
}

export interface Route {
  readonly queue: string;
  /** Name of the rule that decided; `default` where none held. */
  readonly rule: string;
}

/** What routing looks at. Items that are no videos are not counted, whatever they carry (mission.md, section 2). */
export interface RoutedJob {
  readonly enable4k: boolean;
  readonly items: readonly { readonly itemType: ItemType; readonly text?: string }[];
}

/** The queue of a job, and why. */
export function routeJob(job: RoutedJob, table: RoutingTable): Route {
  const facts = factsOf(job);
  const rule = table.rules.find((candidate) => holds(candidate.when, facts));
  return rule === undefined
    ? { queue: table.defaultQueue, rule: 'default' }
    : { queue: rule.queue, rule: rule.name };
}

/** The presets of mission.md section 2, as the tables that a site could have written itself. */
export const routingPresets = {
  'by-feature': {
    rules: [
      { name: '4k', when: { enable4k: true }, queue: '4k_queue' },
      { name: 'text', when: { anyText: true }, queue: 'gpu_queue' },
      { name: 'more than 50 videos', when: { videosMoreThan: 50 }, queue: 'gpu_queue' },
    ],
    defaultQueue: 'default_queue',
  },
  'by-size': {
    rules: [
      { name: '4k, more than 20 videos', when: { enable4k: true, videosMoreThan: 20 }, queue: '4k_queue' },
      { name: 'more than 40 videos', when: { enable4k: false, videosMoreThan: 40 }, queue: '4k_queue' },
    ],
    defaultQueue: 'default_queue',
  },
} as const satisfies Record<string, RoutingTable>;

interface Facts {
  readonly enable4k: boolean;
  readonly videos: number;
  readonly anyText: boolean;
}

function factsOf(job: RoutedJob): Facts {
  const videos = job.items.filter((item) => item.itemType === 'video');
  return {
    enable4k: job.enable4k,
    videos: videos.length,
    anyText: videos.some((item) => (item.text ?? '').trim() !== ''),
  };
}

function holds(when: RouteCondition, facts: Facts): boolean {
  return (
    (when.enable4k === undefined || when.enable4k === facts.enable4k) &&
    (when.videosMoreThan === undefined || facts.videos > when.videosMoreThan) &&
    (when.anyText === undefined || when.anyText === facts.anyText)
  );
}
