/**
 * How fast this PC has rendered, kept in its data folder over restarts. What is kept belongs to an FFmpeg, a driver, a GPU
 * and an encoder: another one of these begins anew. A file that cannot be read is none; one that cannot be written is told, and
 * the speeds are then known until the process ends.
 */
import type { ClassSpeed, GpuFacts } from '../../proto/agent-link.ts';
import { openKeptFile } from '../kept-file.ts';
import { framesPerSecond } from '../render/render-plan.ts';
import type { EncoderLane } from './encoder-lanes.ts';
import { fingerprintOf, keptText, readKept } from './probe-cache.ts';
import type { MeasuredRender, SpeedHistory } from './speed-history.ts';
import { parseHistory, speedsOf, withRender } from './speed-history.ts';

export interface MeasuredSpeeds {
  /** The encoders are others from now on: what was measured with the former ones is forgotten. */
  belongTo(fingerprint: string): void;
  /** Kept in the background. */
  add(render: MeasuredRender): void;
  over(calibrated: readonly ClassSpeed[]): readonly ClassSpeed[];
  /** Waits for what is being written. */
  settled(): Promise<void>;
}

export async function openMeasuredSpeeds(
  path: string,
  first: string,
  onTrouble: (message: string, error: unknown) => void,
): Promise<MeasuredSpeeds> {
  let fingerprint = first;
  let history: SpeedHistory = parseHistory(await readKept(path, fingerprint));
  const file = openKeptFile(path, onTrouble);
  const write = (): void => file.write(keptText(fingerprint, history));
  return {
    belongTo(next) {
      if (next === fingerprint) return;
      fingerprint = next;
      history = {};
      write();
    },
    add(render) {
      const next = withRender(history, render, framesPerSecond);
      if (next === history) return;
      history = next;
      write();
    },
    over: (calibrated) => speedsOf(calibrated, history),
    settled: () => file.settled(),
  };
}

/** What measured speeds belong to: another FFmpeg, driver, GPU or encoder renders at another speed. */
export function speedFingerprint(
  ffmpegVersion: string,
  gpus: readonly GpuFacts[],
  lanes: readonly EncoderLane[],
  settings: { readonly threads?: number; readonly segments: number },
): string {
  const cards = gpus.map(({ index, name, driver }) => ({ index, name, driver }));
  const encoders = lanes.map((lane) => [lane.gpuIndex, lane.encoders.map(({ rung, max }) => [rung, max])]);
  return fingerprintOf({ ffmpegVersion, cards, encoders, settings });
}
