import type { GpuFacts } from '../../proto/agent-link.ts';
import { runProcess } from '../process/run.ts';

export interface GpuList {
  readonly gpus: readonly GpuFacts[];
  /** Why there may be more than the list says: nvidia-smi is there and failed. */
  readonly fault?: string;
}

const fields = ['index', 'name', 'driver_version', 'memory.total'];

/** NVIDIA's GPUs, by nvidia-smi; a PC without it has none. Rejects only with the signal's reason. */
export async function listGpus(nvidiaSmi = 'nvidia-smi', signal?: AbortSignal): Promise<GpuList> {
  const result = await runProcess({
    file: nvidiaSmi,
    args: [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'],
    stdoutCharsMax: 65_536,
    timeoutMs: 15_000,
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  if (result.cause === 'spawn-failed') return { gpus: [] };
  const lines = result.stdout.split('\n');
  const gpus = lines.flatMap((line) => parseLine(line) ?? []);
  if (result.succeeded) return { gpus };
  // It writes its complaint to stdout, behind the cards that still answer when one of several is lost.
  const words = [...lines, ...result.stderrTail].find(
    (line) => line.trim() !== '' && parseLine(line) === undefined,
  );
  return { gpus, fault: `${nvidiaSmi}: ${words?.trim() ?? result.cause}` };
}

function parseLine(line: string): GpuFacts | undefined {
  const [index, name, driver, mebibytes] = line.split(',').map((field) => field.trim());
  if (index === undefined || !/^\d+$/u.test(index) || name === undefined || driver === undefined)
    return undefined;
  const memory = Number(mebibytes);
  // '[N/A]' on GPUs that share the PC's memory.
  return {
    index: Number(index),
    name,
    driver,
    memoryBytes: Number.isFinite(memory) ? memory * 1024 ** 2 : 0,
    // Known when encodes were tried.
    slots: 0,
    sessions: 0,
  };
}
