import { join } from 'node:path';
import type { AgentLogger } from './agent-logger.ts';
import type { AgentConfig } from './config.ts';
import type { EncoderProbe } from './host/encoder-probe.ts';
import type { AssistProbe } from './host/encoder-state.ts';
import { withCacheId } from './host/host-watch.ts';
import type { TakenInventory } from './host/inventory.ts';
import { probeJoinClasses } from './host/join-classes.ts';
import { resolveFont } from './render/fonts.ts';
import type { EncoderChoice } from './render/render-request.ts';
import type { SegmentStore } from './render/segment-cache.ts';

export interface AssistParts extends Pick<TakenInventory, 'ffmpegVersionText'> {
  readonly segments: SegmentStore;
  readonly encoderFor: (
    probe: EncoderProbe,
    config: AgentConfig,
    enable4k: boolean,
    gpuIndex: number | undefined,
  ) => Omit<EncoderChoice, 'profile'> | undefined;
}

/** What this PC can do for others' jobs; undefined without a shared segment cache. */
export function openAssist(
  config: AgentConfig,
  { segments, ffmpegVersionText: versionText, encoderFor }: AssistParts,
  logger: AgentLogger,
  signal: AbortSignal,
): AssistProbe | undefined {
  if (segments.sharedState() === 'none') return undefined;
  const { dataDir, ffmpeg, ffprobe } = config;
  return {
    cacheId: () => segments.sharedId(),
    joinClasses: async (probe) =>
      probeJoinClasses({
        lanes: probe.lanes,
        encoderFor: (enable4k, gpuIndex) => encoderFor(probe, config, enable4k, gpuIndex),
        ffmpeg: { ffmpeg, ffprobe, versionText },
        fontSha256: (await resolveFont()).sha256,
        // Named like an attempt's, so that the next process removes what a killed one has left.
        workFolder: join(dataDir, 'work', 'join-classes-0.0'),
        cachePath: join(dataDir, 'join-classes.json'),
        signal,
        onTrouble: (message, err) => logger.warn({ err }, message),
      }),
  };
}

/** The inventory with what this PC tells of it. */
export async function withAssist(
  taken: TakenInventory,
  assist: AssistProbe | undefined,
): Promise<TakenInventory> {
  if (assist === undefined) return taken;
  const joinClasses = await assist.joinClasses(taken.encoderProbe);
  const inventory = withCacheId({ ...taken.inventory, joinClasses }, await assist.cacheId());
  return { ...taken, inventory };
}
