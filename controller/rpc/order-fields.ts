import { isPrintableName, nameCharactersMax } from '../domain/text-rules.ts';
import { isJobId } from '../domain/validate.ts';
import { badField } from './page-request.ts';

const reasonCharactersMax = 500;

/** @throws FarmError INVALID_REQUEST */
export function requiredJobId(jobId: string, field = 'job_id'): string {
  if (!isJobId(jobId)) throw badField(field, 'must be a UUID');
  return jobId.toLowerCase();
}

/** @throws FarmError INVALID_REQUEST */
export function checkedRequestId(requestId: string): string {
  return checkedName(requestId, 'request_id');
}

/** Empty, or a name that can be shown. @throws FarmError INVALID_REQUEST */
export function checkedName(name: string, field: string): string {
  if (name !== '' && !isPrintableName(name)) {
    throw badField(field, `must have at most ${nameCharactersMax} printable characters`);
  }
  return name;
}

/** @throws FarmError INVALID_REQUEST */
export function checkedReason(reason: string): string {
  if (reason.length > reasonCharactersMax) {
    throw badField('reason', `must have at most ${reasonCharactersMax} characters`);
  }
  return reason;
}
