// Loaded before an agent and its children (`--import`): what a share child reads comes over the shared line of line.ts.
import { type FileHandle, open } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';

const port = Number(process.env['RENDERFARM_BENCH_LINE']);
if (process.argv[1]?.endsWith('share-child-main.ts') === true && port > 0) await throttle();

async function throttle(): Promise<void> {
  const socket = createConnection(port, '127.0.0.1');
  socket.unref();
  const waiting: (() => void)[] = [];
  createInterface({ input: socket }).on('line', () => waiting.shift()?.());
  const handle = await open(import.meta.filename);
  const methods = Object.getPrototypeOf(handle) as {
    read: (this: FileHandle, ...args: unknown[]) => Promise<{ bytesRead: number }>;
  };
  await handle.close();
  const { read } = methods;
  methods.read = async function slowRead(...args) {
    const found = await read.apply(this, args);
    if (found.bytesRead > 0) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        socket.write(`${found.bytesRead}\n`);
      });
    }
    return found;
  };
}
