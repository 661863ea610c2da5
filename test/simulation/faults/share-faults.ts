import { drawMs, type FaultKinds, hourMs, minuteMs } from './fault-kind.ts';

/** What happens to the output share. */
export const shareFaults: FaultKinds = {
  'share-away': {
    harshMs: 40 * minuteMs,
    standardMs: 24 * hourMs,
    draw: (random) => ({ forMs: drawMs(random, 60_000, 8 * minuteMs) }),
    strike(world, { share }, { forMs = 0 }) {
      world.fault('share-away');
      share.awayUntilMs = world.nowMs + forMs;
    },
  },
  'share-away-for-one': {
    harshMs: 40 * minuteMs,
    standardMs: 24 * hourMs,
    draw: (random, { machines }) => ({
      target: random.pick(machines),
      forMs: drawMs(random, 2 * minuteMs, 15 * minuteMs),
    }),
    strike(world, { share }, { target = '', forMs = 0 }) {
      world.fault('share-away-for-one', target);
      share.awayForUntilMs.set(target, world.nowMs + forMs);
    },
  },
  /** It vanishes and comes back as another share, empty or in use; and later as itself. */
  'share-other': {
    harshMs: 90 * minuteMs,
    draw: (random) => ({
      forMs: drawMs(random, 5 * minuteMs, 20 * minuteMs),
      how: random.pick(['empty', 'used']),
    }),
    strike(world, { share }, { forMs = 0, how }) {
      if (share.isOther) return;
      world.fault('share-other', how ?? '');
      share.mountOther(how === 'used');
      world.after(forMs, () => share.mountOwn());
    },
  },
  /** Somebody tidies up: a staging folder is gone, and perhaps it was granted. */
  'share-staged-lost': {
    harshMs: 45 * minuteMs,
    draw: (random) => ({ count: random.whole(0, 1_000) }),
    strike(world, { share }, { count = 0 }) {
      const folder = share.loseStaged((folders) => folders[count % Math.max(1, folders.length)]);
      if (folder !== undefined) world.fault('share-staged-lost', folder);
    },
  },
};
