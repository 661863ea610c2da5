import { z } from 'zod';

/** An error as BigQuery tells it. */
export interface BigQuerySaid {
  readonly message: string;
  /** Its stable word for it ("Error messages", Error table); absent where the network failed. */
  readonly reason?: string;
}

/** What is looked at of a job. */
export const jobSchema = z.object({
  status: z.object({
    state: z.enum(['PENDING', 'RUNNING', 'DONE']),
    errorResult: z.object({ reason: z.string().default(''), message: z.string().default('') }).optional(),
  }),
});

const thrownSchema = z.object({
  code: z.unknown().optional(),
  errors: z.array(z.object({ reason: z.string().optional() })).optional(),
  response: z.object({ jobReference: z.unknown().optional() }).optional(),
});

/** What an error of the client library comes down to. */
export function saidBy(error: unknown): BigQuerySaid & {
  /** HTTP status of the answer; absent where there was none. */
  readonly status?: number;
  /** It is of the job that was begun, not of the call. */
  readonly isOfJob: boolean;
} {
  const message = error instanceof Error ? error.message : String(error);
  const { data } = thrownSchema.safeParse(error);
  const reason = data?.errors?.find((each) => each.reason !== undefined)?.reason;
  return {
    message,
    ...(reason !== undefined && { reason }),
    ...(typeof data?.code === 'number' && { status: data.code }),
    isOfJob: data?.response?.jobReference !== undefined,
  };
}

/** The row or the table's columns are at fault: the same row fails again. Anything else says nothing of the row. */
export function isOfRow({ reason }: BigQuerySaid): boolean {
  return reason === 'invalid' || reason === 'invalidQuery';
}
