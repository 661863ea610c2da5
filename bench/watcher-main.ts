/**
 * Watchers in a process of their own, so that reading what they are told costs the bench nothing:
 * `node bench/watcher-main.ts ADDRESS COUNT USER...`. Each watches all jobs of a user, the users in turn. Prints
 * `watching` when all have heard the first of it, and what they read at the end.
 */
import process from 'node:process';
import { Client, credentials } from '@grpc/grpc-js';
import { JobServiceService } from '../proto/index.ts';

/** protocol.md rule 10: streams of one connection. */
const streamsPerConnection = 16;

const [address = '', count = '0', ...users] = process.argv.slice(2);
let messages = 0;
let ended = 0;
let client: Client | undefined;
for (let n = 0; n < Number(count); n += 1) {
  if (client === undefined || n % streamsPerConnection === 0) {
    client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  }
  const { path, requestSerialize } = JobServiceService.watchJobs;
  const request = { jobIds: [], userId: users[n % users.length] ?? '', resumeToken: '', untilEnded: false };
  const call = client.makeServerStreamRequest(
    path,
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
    requestSerialize(request),
  );
  call.on('data', () => {
    messages += 1;
  });
  call.on('error', (error) => {
    if (ended === 0) process.stdout.write(`a watch ended: ${error.message}\n`);
    ended += 1;
  });
}
process.stdout.write('watching\n');
process.on('SIGTERM', () => {
  process.stdout.write(`${messages} messages were read, ${ended} watches ended early\n`, () =>
    process.exit(0),
  );
});
