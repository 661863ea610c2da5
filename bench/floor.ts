import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';
import { addressIn, startProcess } from './farm-process.ts';
import { firstByte, floorMethods, floorSaid, floorSubmit } from './floor-messages.ts';
import type { LivesOptions } from './lives.ts';
import { livesPerSecond } from './lives.ts';

/** Lives a second of the same messages as raw bytes: no codec, no engine, no store. */
export async function floorLives(options: LivesOptions): Promise<number> {
  const server = startProcess('bench/floor-main.ts', []);
  const clients: Client[] = [];
  const open = (address: string): Client => {
    const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    clients.push(client);
    return client;
  };
  try {
    const address = await server.find(addressIn);
    let onPublished = (): void => undefined;
    for (let n = 0; n < options.agents; n += 1) floorAgent(open(address), options.slots, () => onPublished());
    const submitters = Array.from({ length: Math.ceil(options.inFlight / 16) }, () => open(address));
    let next = 0;
    const submit = (): Promise<unknown> => {
      next += 1;
      return floorCall(submitters[next % submitters.length]);
    };
    return await livesPerSecond(options, { submit, listen: (listener) => (onPublished = listener) });
  } finally {
    for (const client of clients) client.close();
    await server.stop();
  }
}

function floorAgent(client: Client, slots: number, onPublished: () => void): void {
  const { path, requestSerialize, responseDeserialize } = floorMethods.attach;
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    new Metadata(),
  );
  stream.on('error', () => undefined);
  stream.on('data', (bytes: Buffer) => {
    if (bytes[0] === firstByte.assign) {
      for (const each of ['accepted', 'started', 'encoded', 'ready'] as const) stream.write(floorSaid[each]);
    } else if (bytes[0] === firstByte.grant) {
      stream.write(floorSaid.finished);
      onPublished();
    }
  });
  for (let slot = 0; slot < slots; slot += 1) stream.write(floorSaid.slot);
}

function floorCall(client: Client | undefined): Promise<unknown> {
  const { path, requestSerialize, responseDeserialize } = floorMethods.submit;
  return new Promise((resolve, reject) => {
    client?.makeUnaryRequest(path, requestSerialize, responseDeserialize, floorSubmit, (error, reply) =>
      error === null ? resolve(reply) : reject(error),
    );
  });
}
