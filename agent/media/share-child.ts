import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, type FileHandle, open, opendir, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { assertInsideMount } from './inside-mount.ts';
import { createSettablePace, mayGo, type Pace } from './pace.ts';
import { hasPartialEnd } from './partial-end.ts';
import { readAhead } from './read-ahead.ts';
import { operateSegments } from './segment-share.ts';
import { look, makeStaging, move, remove, syncFolder, thin } from './share-changes.ts';
import { readIdentity } from './share-identity.ts';
import type {
  CheckMountRequest,
  Copied,
  CopyRequest,
  EndFound,
  EndsEarlyRequest,
  Examined,
  ExamineRequest,
  MountChecked,
  SetSpeed,
  ShareReply,
  ShareRequest,
  ShareResults,
  SourceVersion,
} from './share-protocol.ts';
import { changeOf } from './source-change.ts';

/**
 * The share child: does one file operation after the other, as the lines on `input` ask, and answers on `output`.
 * It is a process of its own because a call on a hung mount blocks a file thread for ever, and the agent has only four.
 * Returns when `input` ends, even in the middle of an operation: the caller then exits.
 */
export async function serveShareOperations(input: Readable, output: Writable): Promise<void> {
  const reply = (message: ShareReply): void => void output.write(`${JSON.stringify(message)}\n`);
  const lines = createInterface({ input });
  let pace = createSettablePace();
  lines.on('line', (line) => {
    // Only our own agent writes here, one request at a time.
    const request = JSON.parse(line) as ShareRequest | SetSpeed;
    if (request.op === 'set-speed') {
      pace.set(request.speed);
      return;
    }
    pace = createSettablePace();
    operate(request, pace, (bytes) => reply({ type: 'bytes', bytes })).then(
      (result) => reply({ type: 'done', result }),
      (error: unknown) => reply(failure(error)),
    );
  });
  await new Promise<void>((resolve) => lines.once('close', resolve));
}

/** A failure whose side is known: which of the two files it is about. */
class OperationError extends Error {
  readonly code: string;
  readonly side: 'source' | 'target';

  constructor(code: string, message: string, side: 'source' | 'target') {
    super(message);
    this.code = code;
    this.side = side;
  }
}

async function operate(
  request: ShareRequest,
  pace: Pace,
  onBytes: (bytes: number) => void,
): Promise<ShareResults[keyof ShareResults]> {
  switch (request.op) {
    case 'examine':
      return examine(request, pace, onBytes);
    case 'ends-early':
      return endsEarly(request);
    case 'copy':
      return copy(request, pace, onBytes);
    case 'check-mount':
      return checkMount(request);
    case 'make-staging':
      return makeStaging(request);
    case 'look':
      return look(request);
    case 'read-identity':
      return readIdentity(request);
    case 'thin':
      return thin(request);
    case 'rename':
      return move(request);
    case 'remove':
      return remove(request);
    case 'prepare-segments':
    case 'find-segment':
    case 'place-segment':
    case 'drop-segment':
    case 'clean-segments':
      return operateSegments(request, () => onBytes(0));
  }
}

async function examine(
  request: ExamineRequest,
  pace: Pace,
  onBytes: (bytes: number) => void,
): Promise<Examined> {
  const source = await openSource(request.path, request.mountPath);
  try {
    const before = await versionOf(source, request.path);
    if (before.sizeBytes >= request.hashBelowBytes) return before;
    const hash = createHash('sha256');
    await readAll({ source, version: before, pace, onBytes, hash });
    await refuseChanged(source, before, request.path);
    return { ...before, sha256: hash.digest('hex') };
  } finally {
    await source.close();
  }
}

async function endsEarly({ path, mountPath, formatName }: EndsEarlyRequest): Promise<EndFound> {
  return { endsEarly: await hasPartialEnd(await assertInsideMount(path, mountPath), formatName) };
}

async function copy(request: CopyRequest, pace: Pace, onBytes: (bytes: number) => void): Promise<Copied> {
  const source = await openSource(request.path, request.mountPath);
  try {
    const before = await versionOf(source, request.path);
    if (request.replace === true) await onTarget(rm(request.target, { force: true }));
    const target = await onTarget(open(request.target, 'wx'));
    try {
      const hash = createHash('sha256');
      await readAll({ source, version: before, pace, onBytes, hash, target });
      await refuseChanged(source, before, request.path);
      await onTarget(target.sync());
      return { ...before, sha256: hash.digest('hex') };
    } finally {
      await onTarget(target.close());
      if (request.replace === true) await syncFolder(dirname(request.target));
    }
  } finally {
    await source.close();
  }
}

async function checkMount({ mountPath }: CheckMountRequest): Promise<MountChecked> {
  try {
    const folder = await opendir(mountPath);
    const first = await folder.read();
    await folder.close();
    const writeFault = await access(mountPath, constants.W_OK).then(() => undefined, codeOf);
    const fault = writeFault === undefined ? {} : { reason: writeFault };
    const { bavail, bsize } = await statfs(mountPath);
    const isWritable = writeFault === undefined;
    return {
      readable: true,
      writable: isWritable,
      empty: first === null,
      freeBytes: bavail * bsize,
      ...fault,
    };
  } catch (error) {
    return { readable: false, writable: false, empty: false, freeBytes: 0, reason: codeOf(error) };
  }
}

async function openSource(path: string, mountPath: string | undefined): Promise<FileHandle> {
  const real = mountPath === undefined ? path : await assertInsideMount(path, mountPath);
  // Non-blocking, so that opening a named pipe on the share does not wait for a writer.
  return open(real, constants.O_RDONLY | constants.O_NONBLOCK);
}

async function versionOf(file: FileHandle, path: string): Promise<SourceVersion> {
  const facts = await file.stat({ bigint: true });
  if (!facts.isFile()) throw new OperationError('NOT_A_FILE', `${path} is not a file`, 'source');
  return { sizeBytes: Number(facts.size), changedAtNs: facts.mtimeNs.toString() };
}

interface Reading {
  readonly source: FileHandle;
  readonly version: SourceVersion;
  readonly pace: Pace;
  readonly onBytes: (bytes: number) => void;
  readonly hash: Hash;
  readonly target?: FileHandle;
}

/** Reads the file once; writing a part and reading the next ones go on at the same time. */
async function readAll({ source, version, pace, onBytes, hash, target }: Reading): Promise<void> {
  let bytes = 0;
  for await (const part of readAhead(source, version.sizeBytes, () => pace.now())) {
    const written = target === undefined ? undefined : onTarget(target.writev([part], bytes));
    hash.update(part);
    const done = await written;
    if (done !== undefined && done.bytesWritten !== part.byteLength) {
      throw new OperationError(
        'ENOSPC',
        `only ${done.bytesWritten} of ${part.byteLength} bytes written`,
        'target',
      );
    }
    bytes += part.byteLength;
    onBytes(bytes);
    // What is on its way still comes; nothing more is asked for.
    await mayGo(pace, neverAborted);
  }
}

/** Whoever gives an operation up kills the child. */
const neverAborted = new AbortController().signal;

async function refuseChanged(file: FileHandle, before: SourceVersion, path: string): Promise<void> {
  const after = await versionOf(file, path);
  const change = changeOf(before, after);
  if (change === 'none') return;
  const code = change === 'grows' ? 'SOURCE_GROWS' : 'SOURCE_CHANGED';
  const sizes = `${before.sizeBytes} bytes before, ${after.sizeBytes} after`;
  throw new OperationError(code, `${path} changed while it was read (${sizes})`, 'source');
}

async function onTarget<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw new OperationError(codeOf(error), messageOf(error), 'target');
  }
}

function failure(error: unknown): ShareReply {
  const side = error instanceof OperationError ? error.side : 'source';
  return { type: 'failed', code: codeOf(error), message: messageOf(error), side };
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EUNKNOWN';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
