import type { FailureClass, Problem, ResolvedItem } from '../../proto/agent-link.ts';
import { MediaError } from './media-error.ts';
import { type MountedPath, type Mounts, resolveUnc, UncError } from './unc.ts';

/** A file that a job needs here. */
export interface WantedFile {
  readonly role: 'source' | 'logo';
  readonly item: ResolvedItem;
  readonly uncPath: string;
  readonly name: string;
}

/** Why it cannot be had. */
export interface FileFault {
  readonly fault: Problem;
  readonly failureClass: FailureClass;
}

/** How many files the message names; the problems are all there. */
const filesNamedMax = 20;

/** The files of an item: its source before its logo. */
export function filesOf(item: ResolvedItem): readonly WantedFile[] {
  const name = `${item.itemType}_${item.position}${extensionOf(item.path)}`;
  const source: WantedFile = { role: 'source', item, uncPath: item.path, name };
  const { logoPath } = item;
  if (logoPath === undefined) return [source];
  return [source, { role: 'logo', item, uncPath: logoPath, name: `logo_${item.position}.png` }];
}

// What goes into a file name of ours must be harmless in a command line and in a concat list.
function extensionOf(path: string): string {
  return /\.[A-Za-z0-9]{1,8}$/u.exec(path)?.[0] ?? '';
}

/** Throws MediaError or UncError. */
export function locate({ role, item, uncPath }: WantedFile, mounts: Mounts, platform: string): MountedPath {
  if (uncPath.trim() === '') {
    const what = role === 'logo' ? `the logo of ${item.itemType}` : item.itemType;
    throw new MediaError('PATH_MISSING', `No path for ${what} at position ${item.position}`);
  }
  return resolveUnc(uncPath, mounts, platform);
}

export function isFault(error: unknown): error is MediaError | UncError {
  return error instanceof MediaError || error instanceof UncError;
}

export function faultOf(error: MediaError | UncError, { role, item, uncPath }: WantedFile): FileFault {
  const reason = error.message.slice(error.code.length + 2);
  const what = `${role === 'logo' ? 'logo of ' : ''}${item.itemType} at position ${item.position}`;
  const message = error.code === 'PATH_MISSING' ? reason : `${what}: ${reason}`;
  return {
    fault: { position: item.position, subject: uncPath, code: error.code, message },
    failureClass: error instanceof UncError ? 'input' : error.failureClass,
  };
}

/** What is told of all of them together; nothing when there are none. */
export function verdict(
  failed: readonly { readonly fault: Problem; readonly failureClass: FailureClass }[],
): { readonly message?: string; readonly failureClass?: FailureClass } {
  if (failed.length === 0) return {};
  const named = failed.slice(0, filesNamedMax).map((outcome) => outcome.fault.message);
  const isAllPaths = failed.every((outcome) => outcome.fault.code === 'PATH_MISSING');
  const more = failed.length > filesNamedMax ? [`and ${failed.length - filesNamedMax} more`] : [];
  return {
    // Both openings are what people search their logs for.
    message: `${isAllPaths ? '' : `Failed to copy ${failed.length} files: `}${[...named, ...more].join('; ')}`,
    // One file that can never be had fails the job, however well the share is tomorrow.
    failureClass: failed.some((outcome) => outcome.failureClass === 'input') ? 'input' : 'environment',
  };
}
