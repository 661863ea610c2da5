/**
 * The floor of `bench -- throughput`: a server that does nothing with the messages of a job's life but send the next
 * ones, as raw bytes over grpc-js: no codec, no engine, no store. `node bench/floor-main.ts`. Prints
 * `renderfarm controller listens on HOST:PORT`, so that it is started as the controller is.
 */
import process from 'node:process';
import { type handleUnaryCall, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { firstByte, floorAnswers, floorMethods } from './floor-messages.ts';

type Stream = ServerDuplexStream<Buffer, Buffer>;

/** Slots that are free, as their streams; jobs that wait for one. */
const free: Stream[] = [];
let waiting = 0;

function dispatch(): void {
  while (waiting > 0) {
    const stream = free.pop();
    if (stream === undefined) return;
    waiting -= 1;
    stream.write(floorAnswers.assign);
  }
}

const submit: handleUnaryCall<Buffer, Buffer> = (_call, callback) => {
  waiting += 1;
  callback(null, floorAnswers.submitted);
  dispatch();
};

function attach(stream: Stream): void {
  stream.on('data', (bytes: Buffer) => {
    switch (bytes[0]) {
      case firstByte.slot:
        free.push(stream);
        dispatch();
        return;
      case firstByte.encoded:
        // The slot is free with the last frame.
        free.push(stream);
        dispatch();
        return;
      case firstByte.ready:
        stream.write(floorAnswers.grant);
        stream.write(floorAnswers.ack);
        return;
      case firstByte.finished:
        stream.write(floorAnswers.ack);
        return;
      default:
        return;
    }
  });
  stream.on('end', () => stream.end());
  stream.on('error', () => undefined);
}

const server = new Server({ 'grpc.max_concurrent_streams': 16 });
server.addService(floorMethods, { submit, attach });
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`renderfarm controller listens on 127.0.0.1:${port}\n`);
});
process.on('SIGTERM', () => server.forceShutdown());
