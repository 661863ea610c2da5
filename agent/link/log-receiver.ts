import { once } from 'node:events';
import type { Metadata, ServiceError } from '@grpc/grpc-js';
import type { JobRef } from '../../proto/index.ts';
import { agentIdKey, agentWire, LogServiceClient } from '../../proto/index.ts';
import type { LogFileName } from '../attempt/log-folder.ts';
import { logFiles } from '../attempt/log-folder.ts';
import type { LogPiece, LogReceiver } from '../attempt/log-upload.ts';
import type { LinkSecurity } from './connection.ts';
import { callMetadata, channelCredentials } from './connection.ts';

/** A call that takes longer is given up, and tried again later. */
const callMs = 60_000;

export interface LogReceiverOptions {
  /** Where the controller that we are attached to is; undefined while there is none. */
  readonly address: () => string | undefined;
  readonly security: LinkSecurity;
  /** Whose logs these are; a certificate says so by itself. */
  readonly agentId: string;
}

/** LogService over a connection of its own for each call: logs never stand in the way of the agent's stream. */
export function createLogReceiver({ address, security, agentId }: LogReceiverOptions): LogReceiver {
  const metadata = () => {
    const said = callMetadata(security);
    said.set(agentIdKey, agentId);
    return said;
  };
  const withClient = async <T>(use: (client: LogServiceClient) => Promise<T>): Promise<T> => {
    const to = address();
    if (to === undefined) throw new Error('no controller is attached');
    const client = new LogServiceClient(to, channelCredentials(security), {
      'grpc.use_local_subchannel_pool': 1,
      ...(security.tls?.serverName === undefined
        ? {}
        : { 'grpc.ssl_target_name_override': security.tls.serverName }),
    });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  };
  return {
    offsetOf: (ref, file) => withClient((client) => offsetOf(client, metadata(), ref, file)),
    upload: (ref, file, pieces) => withClient((client) => upload(client, metadata(), ref, file, pieces)),
  };
}

function offsetOf(
  client: LogServiceClient,
  metadata: Metadata,
  ref: JobRef,
  file: LogFileName,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = { target: targetOf(ref, file) };
    client.getLogOffset(request, metadata, { deadline: Date.now() + callMs }, (error, response) => {
      if (error === null) resolve(response.offsetBytes);
      else reject(error);
    });
  });
}

async function upload(
  client: LogServiceClient,
  metadata: Metadata,
  ref: JobRef,
  file: LogFileName,
  pieces: AsyncIterable<LogPiece>,
): Promise<number> {
  const answer = Promise.withResolvers<number>();
  // Its error is told by the await below; without this it would be unhandled while a piece is written.
  answer.promise.catch(() => undefined);
  const ending = new AbortController();
  const call = client.uploadLog(
    metadata,
    { deadline: Date.now() + callMs },
    (error: ServiceError | null, response: agentWire.UploadLogResponse) => {
      ending.abort();
      if (error === null) answer.resolve(response.sizeBytes);
      else answer.reject(error);
    },
  );
  const over = answer.promise.catch(() => undefined);
  call.write({ part: { $case: 'target', value: targetOf(ref, file) } });
  for await (const { offsetBytes, data } of pieces) {
    if (ending.signal.aborted) break;
    const hasRoom = call.write({ part: { $case: 'data', value: { offsetBytes, data: Buffer.from(data) } } });
    if (!hasRoom) await Promise.race([once(call, 'drain'), over]);
  }
  call.end();
  return answer.promise;
}

const wireFiles: Readonly<Record<LogFileName, agentWire.LogFile>> = {
  [logFiles.jobLog]: agentWire.LogFile.JOB_LOG,
  [logFiles.command]: agentWire.LogFile.FFMPEG_COMMAND,
  [logFiles.stderr]: agentWire.LogFile.FFMPEG_STDERR,
};

function targetOf({ jobId, fence }: JobRef, file: LogFileName): agentWire.LogTarget {
  return { jobId, fence, file: wireFiles[file] };
}
