import { FarmError } from '../../domain/errors.ts';
import type { Reply } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import type { RequestRecord } from './state.ts';

/** A caller's wish with its id: the same id, verb and body within 24 h is the same wish. */
export interface Requested {
  readonly replyId: string;
  /** Empty: the caller does not mind having it twice. */
  readonly requestId: string;
  readonly bodyHash: string;
}

export type Refused = Extract<Reply, { kind: 'refused' }>;

/** What a caller is told of a refusal. */
export function errorOf({ code, message, resource, retryAfterMs, violations }: Refused): FarmError {
  return new FarmError(code, message, {
    ...(resource && { resource }),
    ...(violations && { violations }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/**
 * Does what a request asks, once. A repeated one is answered without doing it again; the id of another one is
 * refused; one that was refused is not remembered, because it did nothing.
 *
 * @param subject id of the job, agent, share or queue that is meant
 * @param act refuses, or does it
 */
export function once(
  ledger: Ledger,
  input: Requested,
  { verb, subject }: Pick<RequestRecord, 'verb' | 'subject'>,
  act: () => Refused | undefined,
): void {
  const earlier = earlierRequest(ledger, input, verb);
  const refused = earlier === undefined ? act() : refusedReuse(earlier);
  if (refused !== undefined) {
    ledger.reply(input.replyId, refused);
    return;
  }
  if (earlier === undefined) rememberRequest(ledger, input, { verb, subject });
  ledger.reply(input.replyId, { kind: 'done' });
}

/** What the request's id was used for: by this very request, or by another, which is refused. */
export type EarlierRequest =
  | { readonly same: true; readonly subject: string }
  | { readonly same: false; readonly refused: Refused };

/** Undefined: its id is new, or it has none. */
export function earlierRequest(
  ledger: Ledger,
  { requestId, bodyHash }: Requested,
  verb: RequestRecord['verb'],
): EarlierRequest | undefined {
  const request = requestId === '' ? undefined : ledger.state.requests.get(requestId);
  if (request === undefined) return undefined;
  if (request.verb === verb && request.bodyHash === bodyHash) return { same: true, subject: request.subject };
  const message = `request id ${requestId} was used for another request (${request.verb} ${request.subject})`;
  return { same: false, refused: { kind: 'refused', code: 'REQUEST_ID_REUSED', message } };
}

export function rememberRequest(
  ledger: Ledger,
  { requestId, bodyHash }: Requested,
  { verb, subject }: Pick<RequestRecord, 'verb' | 'subject'>,
): void {
  if (requestId === '') return;
  ledger.putRequest({ requestId, verb, bodyHash, subject, atMs: ledger.nowMs });
}

function refusedReuse(earlier: EarlierRequest): Refused | undefined {
  return earlier.same ? undefined : earlier.refused;
}
