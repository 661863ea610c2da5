import type { FailureClass } from '../../proto/agent-link.ts';

export type MediaErrorCode =
  | 'PATH_MISSING'
  | 'FILE_MISSING'
  | 'FILE_UNREADABLE'
  | 'FILE_CHANGED'
  | 'FILE_GROWS'
  | 'FILE_BUSY'
  | 'SHARE_UNREACHABLE'
  | 'SHARE_STALLED'
  | 'CACHE_FULL'
  | 'CACHE_UNWRITABLE';

/** Something about a source file that the world did; the class says whose fault it is. */
export class MediaError extends Error {
  override readonly name = 'MediaError';
  readonly code: MediaErrorCode;
  readonly failureClass: FailureClass;

  constructor(code: MediaErrorCode, message: string, cause?: unknown) {
    super(`${code}: ${message}`, { cause });
    this.code = code;
    this.failureClass = inputCodes.has(code) ? 'input' : 'environment';
  }
}

const inputCodes: ReadonlySet<MediaErrorCode> = new Set([
  'PATH_MISSING',
  'FILE_MISSING',
  'FILE_UNREADABLE',
  'FILE_CHANGED',
  'FILE_GROWS',
]);
