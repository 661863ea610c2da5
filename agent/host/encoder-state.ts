/**
 * What this PC encodes with, tried again while the agent runs: when a check asks, when a better encoder may be back, and
 * when the encoder's sessions were too few. One look at a time: its caller sees to that.
 */
import type { GpuFacts, Inventory } from '../../proto/agent-link.ts';
import type { JoinClass } from '../../proto/item-link.ts';
import { type EncoderRungName, encoderRung } from '../render/encoder.ts';
import type { RenderProblemCode } from '../render/problem-codes.ts';
import { encodeOnce } from './encode-once.ts';
import type { EncoderLane } from './encoder-lanes.ts';
import { type EncoderProbe, passingFailure } from './encoder-probe.ts';
import type { MeasuredSpeeds } from './measured-speeds.ts';

export interface EncoderStateOptions {
  readonly encoderProbe: EncoderProbe;
  readonly encoder: { readonly ffmpeg: string; readonly threads?: number };
  readonly measured: MeasuredSpeeds;
  /** What else measured speeds depend on: `speedsBelongTo` is called with it when the encoders are others. */
  readonly speedsBelongTo: (probe: EncoderProbe) => string;
  /** What this PC can do for others' jobs. @default nothing */
  readonly assist?: AssistProbe;
  /** Tries the whole ladder anew. */
  readonly probeEncoders: () => Promise<EncoderProbe>;
  readonly signal: AbortSignal;
}

export interface AssistProbe {
  /** Which shared segment cache this PC reaches; undefined: none now. */
  readonly cacheId: () => Promise<string | undefined>;
  readonly joinClasses: (probe: EncoderProbe) => Promise<readonly JoinClass[]>;
}

export interface Finding {
  readonly ok: boolean;
  /** One sentence for people. */
  readonly detail: string;
}

export interface KeptEncoders {
  probe(): EncoderProbe;
  /** Tries what it renders with; where that fails the whole ladder. */
  check(causes: readonly string[]): Promise<Finding>;
  /** Whether an encoder that failed for a passing reason works again: then all were probed anew. */
  retry(gpus: readonly GpuFacts[]): Promise<boolean>;
  tryAtOnce(encodes: number, gpuIndex: number | undefined): Promise<Finding>;
}

const testFrames = 15;
const testMs = 60_000;

export function keepEncoders(
  options: EncoderStateOptions,
  onProbed: (found: Pick<Inventory, 'joinClasses'>) => void,
): KeptEncoders {
  const { encoder, measured, signal } = options;
  let { encoderProbe } = options;
  const probeAnew = async (): Promise<void> => {
    encoderProbe = await options.probeEncoders();
    measured.belongTo(options.speedsBelongTo(encoderProbe));
    const joinClasses = await options.assist?.joinClasses(encoderProbe);
    onProbed(joinClasses === undefined ? {} : { joinClasses });
  };
  // A PC whose card fell out is not well because its processor can encode too: a person decides that.
  const isWell = (causes: readonly string[]): boolean =>
    encoderProbe.encoders[0]?.hardware === true || !causes.includes('GPU_LOST' satisfies RenderProblemCode);

  return {
    probe: () => encoderProbe,
    async check(causes) {
      const found = await testLanes(options, encoderProbe);
      if (found.ok && isWell(causes)) return found;
      await probeAnew();
      const [best] = encoderProbe.encoders;
      if (best === undefined) return found;
      const ok = isWell(causes);
      return { ok, detail: `${ok ? '' : 'only '}${best.rung} encodes (${found.detail})` };
    },
    async retry(gpus) {
      const failure = passingFailure(encoderProbe, gpus);
      if (failure === undefined) return false;
      const again = await encodeOnce(encoderRung(failure.rung as EncoderRungName), {
        ...{ ...encoder, enable4k: failure.size === '2160p', frames: testFrames, timeoutMs: testMs, signal },
        ...(failure.gpuIndex === undefined ? {} : { gpuIndex: failure.gpuIndex }),
      });
      if (again.succeeded) await probeAnew();
      return again.succeeded;
    },
    tryAtOnce: (encodes, gpuIndex) => testEncodes(options, laneAt(encoderProbe, gpuIndex), encodes),
  };
}

/** The lane of a GPU, or the only one. */
export function laneAt({ lanes }: EncoderProbe, gpuIndex: number | undefined): EncoderLane | undefined {
  return gpuIndex === undefined ? lanes[0] : lanes.find((lane) => lane.gpuIndex === gpuIndex);
}

/** One encode on each lane: a PC with two cards is not well when one of them has fallen out. */
async function testLanes(options: EncoderStateOptions, { lanes }: EncoderProbe): Promise<Finding> {
  const findings: Finding[] = [];
  for (const lane of lanes.length === 0 ? [undefined] : lanes)
    findings.push(await testEncodes(options, lane, 1));
  return findings.find(({ ok }) => !ok) ?? findings[0] ?? { ok: false, detail: 'nothing to try' };
}

async function testEncodes(
  { encoder, signal }: EncoderStateOptions,
  lane: EncoderLane | undefined,
  sessions: number,
): Promise<Finding> {
  const best = lane?.encoders[0];
  if (best === undefined) return { ok: false, detail: 'no encoder passes the test encode' };
  // The probe takes its rungs from the same ladder.
  const rung = encoderRung(best.rung as EncoderRungName);
  const gpu = lane?.gpuIndex === undefined ? {} : { gpuIndex: lane.gpuIndex };
  const results = await Promise.all(
    Array.from({ length: sessions }, () =>
      encodeOnce(rung, {
        ...{ ...encoder, ...gpu, enable4k: false },
        ...{ frames: testFrames, timeoutMs: testMs, signal },
      }),
    ),
  );
  const failed = results.find((result) => !result.succeeded);
  const where = lane?.gpuIndex === undefined ? best.rung : `${best.rung} on GPU ${lane.gpuIndex}`;
  const what = sessions === 1 ? where : `${sessions} x ${where} at once`;
  if (failed === undefined) return { ok: true, detail: `${what}: the test encode passes` };
  return { ok: false, detail: `${what}: the test encode fails: ${failed.reason}` };
}
