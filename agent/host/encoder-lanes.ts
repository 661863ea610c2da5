import type { ClassSpeed, EncoderCapability, GpuFacts, Inventory } from '../../proto/agent-link.ts';
import type { GpuLane } from '../core/gpu-choice.ts';

/** One place that encodes: a GPU beside others, or whatever the PC has where nothing needs to be told apart. */
export interface EncoderLane {
  /** FFmpeg's `-gpu`. Absent: FFmpeg's own choice. */
  readonly gpuIndex?: number;
  /** What works there, best first; one more where the best cannot do 2160p. */
  readonly encoders: readonly EncoderCapability[];
  /** Renders at a time. */
  readonly slots: number;
  /** Encodes at a time that it was seen to do; 0: not probed, it is no hardware. */
  readonly sessions: number;
  /** By test encodes: see calibration.ts. */
  readonly speeds: readonly ClassSpeed[];
}

/** What an operator may say of slots; both together are refused by the configuration. */
export interface SlotWishes {
  /** Of the whole PC. */
  readonly slots?: number;
  /** Of each GPU, in nvidia-smi's order; one that is not listed has one slot. */
  readonly gpuSlots?: readonly number[];
}

/** Only the wishes of what may hold more. */
export function slotWishesOf({
  slots,
  gpuSlots,
}: { [Wish in keyof SlotWishes]: SlotWishes[Wish] | undefined }): SlotWishes {
  return { ...(slots === undefined ? {} : { slots }), ...(gpuSlots === undefined ? {} : { gpuSlots }) };
}

/**
 * Slots of each lane. A total is dealt out one by one; without any wish each GPU has one, and so has a PC without a GPU.
 * `gpus` are those of the PC, of which a PC with one lane may still have several.
 */
export function dealSlots(
  lanes: readonly { readonly gpuIndex?: number }[],
  gpus: readonly Pick<GpuFacts, 'index'>[],
  { slots, gpuSlots }: SlotWishes,
): readonly number[] {
  if (slots !== undefined) {
    return lanes.map((_, at) => Math.ceil(Math.max(0, slots - at) / lanes.length));
  }
  const ofGpu = (index: number): number => gpuSlots?.[gpus.findIndex((gpu) => gpu.index === index)] ?? 1;
  if (lanes.length === 1 && lanes[0]?.gpuIndex === undefined) {
    return [
      Math.max(
        1,
        gpus.reduce((sum, { index }) => sum + ofGpu(index), 0),
      ),
    ];
  }
  return lanes.map(({ gpuIndex }) => (gpuIndex === undefined ? 1 : ofGpu(gpuIndex)));
}

/** Slots of the whole PC while all of its cards are well; a card that does not encode takes its own away. */
export function wishedSlots(
  gpus: readonly Pick<GpuFacts, 'index'>[],
  { gpuIndex, ...wishes }: SlotWishes & { readonly gpuIndex?: number | undefined },
): number {
  return dealSlots([gpuIndex === undefined ? {} : { gpuIndex }], gpus, wishes)[0] ?? 1;
}

/** The GPUs that renders are shared out to, of a PC with several; empty where nothing needs to be told apart. */
export function gpuLanes(lanes: readonly EncoderLane[]): readonly GpuLane[] {
  return lanes.flatMap(({ gpuIndex, slots, speeds }) =>
    gpuIndex === undefined ? [] : { index: gpuIndex, slots, speeds },
  );
}

/** A GPU with what its lane has: nothing, where the PC does not encode on it. */
function withLane(gpu: GpuFacts, gpus: readonly GpuFacts[], lanes: readonly EncoderLane[]): GpuFacts {
  const lane = lanes.find(
    ({ gpuIndex }) => gpuIndex === gpu.index || (gpuIndex === undefined && gpus.length === 1),
  );
  const isUsed = lane?.encoders.some(({ encoder }) => encoder === 'h264_nvenc') ?? false;
  return { ...gpu, slots: isUsed ? (lane?.slots ?? 0) : 0, sessions: isUsed ? (lane?.sessions ?? 0) : 0 };
}

/** Of each class that any lane does, the fastest: a render alone goes there. */
export function bestSpeeds(lanes: readonly EncoderLane[]): readonly ClassSpeed[] {
  const best = new Map<string, ClassSpeed>();
  for (const speed of lanes.flatMap(({ speeds }) => speeds)) {
    if (speed.speed > (best.get(speed.workClass)?.speed ?? 0)) best.set(speed.workClass, speed);
  }
  return [...best.values()];
}

/** What the inventory says of encoding, where this was found. */
export function encodingOf(
  gpus: readonly GpuFacts[],
  found: Pick<Inventory, 'encoders' | 'concurrentSpeeds'> & { readonly lanes: readonly EncoderLane[] },
): Pick<Inventory, 'gpus' | 'encoders' | 'speeds' | 'concurrentSpeeds'> {
  const { encoders, lanes, concurrentSpeeds } = found;
  return {
    gpus: gpus.map((gpu) => withLane(gpu, gpus, lanes)),
    encoders,
    speeds: bestSpeeds(lanes),
    concurrentSpeeds,
  };
}
