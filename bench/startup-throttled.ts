/**
 * `npm run bench -- startup --throttled`: from sending the submit to the first encoded frame, where all copies of the job
 * together take `--copy-seconds` on one shared line. Ours against the old order in the same run: the same controller and
 * agent on the same clips, whose agent copies and probes all files before it encodes (old-order.ts). Both begin with an
 * empty cache.
 */
import { pathToFileURL } from 'node:url';
import { serveLine } from './line.ts';
import { attemptOf, firstFrameAtMs, jobOf, lastFrameAtMs, say, withStartupFarm } from './startup-farm.ts';
import { rounded } from './statistics.ts';

export interface ThrottledOptions {
  readonly clips: number;
  readonly clipSeconds: number;
  /** Of copying all clips. */
  readonly copySeconds: number;
}

interface Startup {
  readonly firstFrameS: number;
  readonly encodedS: number;
}

export async function runThrottled(options: ThrottledOptions): Promise<Record<string, number>> {
  const ours = await submitOnce(options, []);
  say(`first frame after ${ours.firstFrameS.toFixed(1)} s; now in the old order`);
  const old = await submitOnce(options, [moduleUrl('old-order-hook.ts')]);
  return {
    first_frame_s: ours.firstFrameS,
    old_order_first_frame_s: old.firstFrameS,
    first_frame_ratio: rounded(ours.firstFrameS / old.firstFrameS),
    encoded_s: ours.encodedS,
    old_order_encoded_s: old.encodedS,
  };
}

async function submitOnce(
  { clips, clipSeconds, copySeconds }: ThrottledOptions,
  hooks: readonly string[],
): Promise<Startup> {
  await using line = await serveLine();
  const imports = [...hooks, moduleUrl('slow-reads.ts')].map((url) => `--import=${url}`).join(' ');
  return await withStartupFarm(
    {
      ...{ clips, clipSeconds },
      onClips: (bytes) => line.setRate(bytes / copySeconds),
      agentEnv: () => ({ NODE_OPTIONS: imports, RENDERFARM_BENCH_LINE: `${line.port}` }),
    },
    async (client) => {
      const job = jobOf(0, clips);
      const sentAtMs = Date.now();
      await client.submit(job);
      say('the job is handed in');
      const attempt = await attemptOf(client, job.jobId);
      return {
        firstFrameS: (firstFrameAtMs(attempt) - sentAtMs) / 1_000,
        encodedS: (lastFrameAtMs(attempt) - sentAtMs) / 1_000,
      };
    },
  );
}

function moduleUrl(name: string): string {
  return new URL(name, pathToFileURL(import.meta.filename)).href;
}
