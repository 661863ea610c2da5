import type { Random } from '../random.ts';
import { crashPoints } from '../sim-controller.ts';
import { controllerOf, drawMs, type FaultKinds, hourMs, minuteMs, type Targets } from './fault-kind.ts';

const one = (random: Random, { controllers }: Targets) => ({ target: random.pick(controllers) });

/** What happens to controllers and to the store between them. */
export const controllerFaults: FaultKinds = {
  // Biased to the moments around a commit: that is where "acknowledged before durable" hides.
  'controller-crash': {
    harshMs: 30 * minuteMs,
    standardMs: 24 * hourMs,
    draw: (random, targets) => ({ ...one(random, targets), how: random.pick([...crashPoints, 'at-once']) }),
    strike(world, victims, fault) {
      const controller = controllerOf(victims, fault);
      if (controller?.isUp !== true) return;
      const point = crashPoints.find((known) => known === fault.how);
      if (point !== undefined) {
        controller.crashPoint = point;
        return;
      }
      world.fault('controller-crash', `${controller.name} at once`);
      controller.crash(world.random.chance(0.7));
    },
  },
  'controller-leaves': {
    harshMs: 2 * hourMs,
    standardMs: 48 * hourMs,
    draw: one,
    strike(world, victims, fault) {
      const controller = controllerOf(victims, fault);
      if (controller?.isUp !== true || controller.isFrozen) return;
      world.fault('controller-leaves', controller.name);
      controller.leave();
    },
  },
  'controller-freeze': {
    harshMs: 60 * minuteMs,
    standardMs: 48 * hourMs,
    draw: (random, targets) => ({ ...one(random, targets), forMs: drawMs(random, 30_000, 3 * minuteMs) }),
    strike(world, victims, fault) {
      const controller = controllerOf(victims, fault);
      if (controller?.isUp !== true || controller.isFrozen) return;
      world.fault('controller-freeze', `${controller.name} for ${fault.forMs ?? 0} ms`);
      controller.freeze();
      world.after(fault.forMs ?? 0, () => controller.wake());
    },
  },
  'controller-cut': {
    harshMs: 60 * minuteMs,
    standardMs: 48 * hourMs,
    draw: (random, targets) => ({ ...one(random, targets), forMs: drawMs(random, 20_000, 2 * minuteMs) }),
    strike(world, victims, fault) {
      const controller = controllerOf(victims, fault);
      if (controller === undefined) return;
      world.fault('controller-cut', `${controller.name} from the store for ${fault.forMs ?? 0} ms`);
      controller.cutUntilMs = world.nowMs + (fault.forMs ?? 0);
    },
  },
  'store-away': {
    harshMs: 45 * minuteMs,
    standardMs: 48 * hourMs,
    draw: (random) => ({ forMs: drawMs(random, 10_000, 60_000) }),
    strike(world, { disk }, { forMs = 0 }) {
      world.fault('store-away', `for ${forMs} ms`);
      disk.awayUntilMs = world.nowMs + forMs;
    },
  },
  'store-frozen': {
    harshMs: 2 * hourMs,
    draw: (random) => ({ forMs: drawMs(random, 10_000, 60_000) }),
    strike(world, { disk }, { forMs = 0 }) {
      world.fault('store-frozen', `for ${forMs} ms`);
      disk.frozenUntilMs = world.nowMs + forMs;
    },
  },
  'store-slow': {
    harshMs: 45 * minuteMs,
    standardMs: 24 * hourMs,
    draw: (random) => ({ forMs: drawMs(random, 60_000, 90_000) }),
    strike(world, { disk }, { forMs = 0 }) {
      world.fault('store-slow');
      disk.slowUntilMs = world.nowMs + forMs;
    },
  },
  /** Its machine loses power, and with it what was not synced: with `appendfsync everysec`, up to a second. */
  'store-tail': {
    harshMs: 90 * minuteMs,
    draw: (random) => ({
      count: random.whole(1, 8),
      forMs: drawMs(random, 5_000, 30_000),
      how: random.pick(['alone', 'with-leader', 'new-leader']),
    }),
    strike(world, { disk, controllers }, { count = 1, forMs = 0, how }) {
      const fall = () => {
        for (const controller of controllers) if (controller.isServing) controller.crash(false);
      };
      const lose = (changes: number) => {
        world.fault('store-tail', `${changes} changes, ${how ?? ''}`);
        if (how !== 'alone') fall();
        disk.loseTail(changes);
        disk.awayUntilMs = world.nowMs + forMs;
      };
      if (how !== 'new-leader') {
        lose(count);
        return;
      }
      // A leader falls, and the next one soon behind it: with all that it wrote, its term among it.
      fall();
      disk.whenLed(count, (changes) => lose(changes));
    },
  },
};
