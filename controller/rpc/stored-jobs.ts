import { jobStatusNames, type jobWire } from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { RpcContext } from './context.ts';
import { checkedRequestId, requiredJobId } from './order-fields.ts';

/** SubmitStoredJob: the job is a row already. */
export async function submitStored(
  { stored }: Pick<RpcContext, 'stored'>,
  request: jobWire.SubmitStoredJobRequest,
): Promise<jobWire.SubmitStoredJobResponse> {
  const { validateOnly } = request;
  const requestId = checkedRequestId(request.requestId);
  const jobId = requiredJobId(request.jobId);
  if (stored === undefined) {
    const message = 'this farm submits no rows: supabase.mirror is not configured, or it is a shadow';
    throw new FarmError('NO_STORED_JOBS', message);
  }
  const reply = await stored.submit({ requestId, jobId, validateOnly });
  return {
    jobId: reply.jobId,
    status: jobStatusNames.toWire('queued'),
    message: validateOnly
      ? `Job is valid and would go to ${reply.queue}`
      : `Job submitted successfully to ${reply.queue}`,
    queue: reply.queue,
    routeRule: reply.routeRule,
    existed: reply.existed,
  };
}
