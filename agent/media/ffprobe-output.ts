import { z } from 'zod';

/** ffprobe writes numbers as text, and `N/A`, `unknown` or `0/0` where it knows nothing. */
const numberText = z
  .union([z.string(), z.number()])
  .transform((text) => (text === '' || !Number.isFinite(Number(text)) ? undefined : Number(text)))
  .optional();
const ratio = z.string().transform(ratioOf).optional();
const known = z
  .string()
  .transform((text) => (text === 'unknown' || text === 'unspecified' || text === '' ? undefined : text))
  .optional();
const sideData = z
  .array(z.object({ side_data_type: z.string().optional(), rotation: z.number().optional() }))
  .optional();

const streamSchema = z
  .object({
    index: z.number(),
    codec_type: z.string().optional(),
    codec_name: z.string().optional(),
    width: z.number().optional(),
    height: z.number().optional(),
    sample_aspect_ratio: ratio,
    avg_frame_rate: ratio,
    r_frame_rate: ratio,
    duration: numberText,
    start_time: numberText,
    sample_rate: numberText,
    channels: z.number().optional(),
    pix_fmt: known,
    color_primaries: known,
    color_transfer: known,
    color_space: known,
    color_range: known,
    chroma_location: known,
    field_order: known,
    disposition: z.object({ attached_pic: z.number().optional(), default: z.number().optional() }).optional(),
    side_data_list: sideData,
  })
  .transform((stream) => ({ ...stream, rotation: rotationOf(stream.side_data_list) ?? 0 }));

const probeSchema = z.object({
  format: z.object({ format_name: z.string(), duration: numberText, start_time: numberText }),
  streams: z.array(streamSchema).default([]),
});

const framesSchema = z.object({
  frames: z.array(z.object({ width: z.number(), side_data_list: sideData })).min(1),
});

export type ProbedStream = z.output<typeof streamSchema>;

/** The answer to `-show_format -show_streams -of json`; undefined when it is something else. */
export function parseProbe(json: string): z.output<typeof probeSchema> | undefined {
  return parse(probeSchema, json);
}

/** How the first frame is turned, 0 where nothing says so; undefined when there is no frame. */
export function pictureRotation(json: string): number | undefined {
  const answer = parse(framesSchema, json);
  return answer === undefined ? undefined : (rotationOf(answer.frames[0]?.side_data_list) ?? 0);
}

function parse<Schema extends z.ZodType>(schema: Schema, json: string): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

function ratioOf(text: string): number | undefined {
  const [over, under] = text.split(/[/:]/u).map(Number);
  if (over === undefined || under === undefined) return undefined;
  return over > 0 && under > 0 ? over / under : undefined;
}

/** ffprobe counts against the clock; a player turns with it, by whole quarters. */
function rotationOf(list: z.output<typeof sideData>): number | undefined {
  const degrees = list?.find((entry) => entry.rotation !== undefined)?.rotation;
  return degrees === undefined ? undefined : (((Math.round(-degrees / 90) % 4) + 4) % 4) * 90;
}
