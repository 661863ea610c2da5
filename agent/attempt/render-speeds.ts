import type { ClassSpeed, Inventory, WorkClass } from '../../proto/agent-link.ts';
import type { GpuLane } from '../core/gpu-choice.ts';
import type { MeasuredRender } from '../host/speed-history.ts';
import type { RenderClock } from '../render/progress-meter.ts';
import { renderShare } from './render-share.ts';
import { segmentsAtOnce } from './segments-at-once.ts';

/** The renders that run on this PC now, and how fast one of them would be alone. */
export interface RenderSpeeds {
  /** A render begins to encode. */
  begin(gpuIndex?: number): RunningRender;
  /** What this PC is known to do; undefined for a class that it does not. */
  expected(workClass: WorkClass): ClassSpeed | undefined;
  /** It came to its last frame. */
  rendered(render: MeasuredRender): void;
  /** Segments that a job encodes at a time now, on this GPU. `fixed`: what the configuration says. */
  segmentsAtOnce(fixed: number | undefined, gpuIndex: number | undefined): number;
}

export interface RunningRender extends RenderClock {
  /** It encodes no more: its clock stands. Idempotent. */
  end(): void;
}

export interface RenderSpeedsOptions {
  /** Steady. */
  readonly nowMs: () => number;
  readonly inventory: () => Pick<Inventory, 'speeds' | 'concurrentSpeeds'>;
  readonly gpuLanes: () => readonly GpuLane[];
  readonly onRendered: (render: MeasuredRender) => void;
}

interface Open {
  readonly gpuIndex: number | undefined;
  aloneMs: number;
}

export function createRenderSpeeds(options: RenderSpeedsOptions): RenderSpeeds {
  const { nowMs, inventory, gpuLanes } = options;
  const open = new Set<Open>();
  let settledMs = nowMs();

  const shareOf = ({ gpuIndex }: Open): number =>
    renderShare({ ...inventory(), gpuLanes: gpuLanes() }, gpuIndex, open.size);
  // Called before anything changes: up to then all had the shares that they have.
  const settle = (): void => {
    const now = nowMs();
    for (const one of open) one.aloneMs += Math.max(0, now - settledMs) * shareOf(one);
    settledMs = now;
  };

  return {
    begin(gpuIndex) {
      settle();
      const one: Open = { gpuIndex, aloneMs: 0 };
      open.add(one);
      return {
        aloneMs() {
          settle();
          return one.aloneMs;
        },
        share: () => shareOf(one),
        nowMs,
        end() {
          settle();
          open.delete(one);
        },
      };
    },
    expected: (workClass) => inventory().speeds.find((one) => one.workClass === workClass),
    rendered: (render) => options.onRendered(render),
    segmentsAtOnce(fixed, gpuIndex) {
      if (fixed !== undefined) return fixed;
      // On a PC with several cards it is renders on several of them that were measured, and not two on one.
      return gpuIndex === undefined ? segmentsAtOnce(inventory().concurrentSpeeds, open.size) : 1;
    },
  };
}
