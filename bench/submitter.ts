import { randomUUID } from 'node:crypto';
import type { Client } from '@grpc/grpc-js';
import { type LinkSecurity, openConnection } from '../agent/link/connection.ts';
import { jobRequest } from '../client/job-request.ts';
import { JobServiceService, type jobWire } from '../proto/index.ts';
import { sourcePath } from './farm-under-test.ts';

/** protocol.md rule 10: calls of one connection at a time. */
const callsPerConnection = 16;

const messageBytesMax = 2 ** 20;

/** What a job is submitted with. */
export interface BenchJob {
  readonly userId: string;
  readonly queue?: string;
  readonly jobId?: string;
}

/** Submits small jobs over as many connections as the calls under way need. */
export class Submitter {
  readonly #clients: readonly Client[];
  #next = 0;

  constructor(address: string, callsMax: number, security: LinkSecurity = {}) {
    this.#clients = Array.from({ length: Math.ceil(callsMax / callsPerConnection) }, () =>
      openConnection(address, security, messageBytesMax),
    );
  }

  submit({ userId, queue = '', jobId = randomUUID() }: BenchJob): Promise<string> {
    this.#next += 1;
    const client = this.#clients[this.#next % this.#clients.length];
    const { path, requestSerialize, responseDeserialize } = JobServiceService.submitJob;
    return new Promise((resolve, reject) => {
      client?.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        requestOf(jobId, userId, queue),
        (error, response) => (error === null ? resolve(response?.jobId ?? jobId) : reject(error)),
      );
    });
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** One clip of a second: what a job holds is no matter here. */
function requestOf(jobId: string, userId: string, queue: string): jobWire.SubmitJobRequest {
  const items = [{ position: 0, itemType: 'video' as const, path: sourcePath, durationMs: 1_000 }];
  const job = jobRequest({ jobId, userId, channelName: 'Bench', items, queue });
  return { requestId: '', job, validateOnly: false };
}
