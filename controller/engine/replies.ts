import { randomUUID } from 'node:crypto';
import type { FarmError } from '../domain/errors.ts';
import type { Reply } from './turn/inputs.ts';
import { errorOf } from './turn/requests.ts';

interface Waiting {
  readonly resolve: (reply: Exclude<Reply, { kind: 'refused' }>) => void;
  readonly reject: (error: FarmError) => void;
}

/** Callers that wait for their input's turn to be durable. */
export class Replies {
  readonly #waiting = new Map<string, Waiting>();
  /** Ids of an earlier leadership may still be in memory: they must mean nobody here. */
  readonly #prefix = randomUUID();
  #count = 0;

  /** Hands out a reply id; resolves with its reply. @throws FarmError where the turn refused */
  expect(ask: (replyId: string) => void): Promise<Exclude<Reply, { kind: 'refused' }>> {
    this.#count += 1;
    const replyId = `${this.#prefix}-${this.#count}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(replyId, { resolve, reject });
      ask(replyId);
    });
  }

  settle(replyId: string, reply: Reply): void {
    const waiting = this.#waiting.get(replyId);
    this.#waiting.delete(replyId);
    if (reply.kind === 'refused') waiting?.reject(errorOf(reply));
    else waiting?.resolve(reply);
  }

  failAll(error: FarmError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
