import type { FileSeen, FileState } from '../../proto/index.ts';
import type { MediaFacts } from '../render/facts.ts';
import { displaySize } from '../render/geometry.ts';
import { choosePicture, streamEndSeconds } from '../render/streams.ts';
import { MediaError, type MediaErrorCode } from './media-error.ts';
import { ProbeError } from './probe.ts';
import { ShareOperationError } from './share-process.ts';
import { UncError } from './unc.ts';

/** Characters of a sentence about one file: 64 of them fit into one message. */
const messageMax = 500;

/** A header may say anything, and our messages cannot say everything: what is longer than a year is no length. */
const lengthSecondsMax = 365 * 86_400;

/** What a file is, in the words of the protocol. Whether that is what its item needs is not judged here. */
export function asSeen(facts: MediaFacts, sizeBytes: number, uncPath: string): FileSeen {
  if (facts.hasPartialEnd) {
    const message = cut(`Truncated: ${uncPath} ends in the middle of its own structure`);
    return { state: 'unusable', sizeBytes, code: 'SOURCE_TRUNCATED', message };
  }
  const picture = choosePicture(facts);
  const size = picture && displaySize(picture);
  const seconds = facts.isImage
    ? undefined
    : ((picture && streamEndSeconds(facts, picture)) ?? facts.containerDurationSeconds);
  return {
    state: 'readable',
    sizeBytes,
    ...(seconds !== undefined && seconds > 0 && seconds <= lengthSecondsMax
      ? { durationMs: Math.round(seconds * 1_000) }
      : {}),
    ...(size === undefined || size.width < 1 || size.height < 1 ? {} : size),
    ...(picture === undefined ? {} : { codec: picture.codec }),
    ...(isEither(facts) ? {} : { isImage: facts.isImage }),
  };
}

/** One picture or many: only their packets tell. */
function isEither({ formatName, isImage }: MediaFacts): boolean {
  return !isImage && /^(?:gif|apng)$/u.test(formatName);
}

const states: Readonly<Partial<Record<MediaErrorCode, FileState>>> = {
  FILE_MISSING: 'missing',
  FILE_BUSY: 'denied',
  FILE_UNREADABLE: 'unusable',
  FILE_CHANGED: 'unusable',
  FILE_GROWS: 'unusable',
};

/** Why nothing can be said of a file, or only that. A broken assumption is no fault of a file: it is told as unknown. */
export function faultSeen(
  error: unknown,
  { sizeBytes, uncPath = '' }: { readonly sizeBytes?: number; readonly uncPath?: string } = {},
): FileSeen {
  if (error instanceof UncError) return pathFault(error);
  if (error instanceof MediaError) {
    const isDenied =
      error.cause instanceof ShareOperationError && /^E(?:ACCES|PERM)$/u.test(error.cause.code);
    const state = isDenied && error.code === 'FILE_UNREADABLE' ? 'denied' : states[error.code];
    return { state: state ?? 'unreachable', code: error.code, message: sentence(error, error.code) };
  }
  if (error instanceof ProbeError && error.failureClass === 'input') {
    const message = cut(`Could not get duration for ${uncPath}: ${error.message}`);
    return {
      state: 'unusable',
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
      code: error.code,
      message,
    };
  }
  const message = cut(error instanceof Error ? error.message : String(error));
  return { state: 'not-looked', message };
}

/**
 * A link that leads out of its share is told like one that leads nowhere: what else is on this PC is nobody's business.
 * A path that is in none of our mounts may be there on other PCs.
 */
function pathFault(error: UncError): FileSeen {
  if (error.code === 'PATH_ESCAPES_SHARE')
    return { state: 'missing', code: 'FILE_MISSING', message: 'it does not exist in its share' };
  const state = error.code === 'PATH_MALFORMED' ? 'missing' : 'unreachable';
  return { state, code: error.code, message: sentence(error, error.code) };
}

function sentence({ message }: Error, code: string): string {
  return cut(message.replace(`${code}: `, ''));
}

function cut(text: string): string {
  return text.length <= messageMax ? text : `${text.slice(0, messageMax - 1)}…`;
}
