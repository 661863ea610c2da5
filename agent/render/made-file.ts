import { z } from 'zod';
import { type FfmpegContext, runFfprobe } from './ffmpeg.ts';

const number = z.coerce.number();

const stream = z.object({
  codec_type: z.string(),
  codec_name: z.string().optional(),
  profile: z.string().optional(),
  level: z.number().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  pix_fmt: z.string().optional(),
  color_range: z.string().optional(),
  color_space: z.string().optional(),
  color_transfer: z.string().optional(),
  color_primaries: z.string().optional(),
  field_order: z.string().optional(),
  r_frame_rate: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  time_base: z.string().optional(),
  sample_rate: number.optional(),
  channels: z.number().optional(),
  start_time: number.optional(),
  duration: number.optional(),
  duration_ts: z.number().optional(),
  nb_frames: number.optional(),
  extradata_hash: z.string().optional(),
});

const answer = z.object({
  streams: z.array(stream),
  format: z.object({ duration: number.optional(), size: number, bit_rate: number.optional() }),
});

/** What ffprobe says about a file that we made: its tables, not its packets, so it takes no time. */
export type MadeFile = z.infer<typeof answer>;
export type MadeStream = z.infer<typeof stream>;

const answerCharsMax = 1_000_000;
const timeoutMs = 60_000;

/** Reads a file of the work folder. Undefined when ffprobe cannot: then it is not what we meant to make. */
export async function readMadeFile(
  context: FfmpegContext,
  label: string,
  name: string,
): Promise<MadeFile | undefined> {
  const args = [
    '-v',
    'error',
    '-show_streams',
    '-show_format',
    '-show_data_hash',
    'sha256',
    '-of',
    'json',
    name,
  ];
  const result = await runFfprobe(context, label, args, { timeoutMs, stdoutCharsMax: answerCharsMax });
  if (!result.succeeded) return undefined;
  const parsed = answer.safeParse(JSON.parse(result.stdout));
  return parsed.success ? parsed.data : undefined;
}
