/**
 * From the UNC paths that jobs speak (`\\host\Share\folder\clip.mp4`) to this PC's own paths, and back.
 * Pure: nothing here touches a disk. Guarantee: an accepted path lies below the mount it names. Limit: a symbolic
 * link on the share can still point elsewhere; whoever opens the file asks `assertInsideMount` (inside-mount.ts).
 */

/** One share as the agent's configuration mounts it. */
export interface Mount {
  /** UNC prefixes that mean this share, e.g. `\\192.168.1.6\Share`; the first is used to write UNC paths. */
  readonly roots: readonly string[];
  /** Where the share is on this PC, e.g. `/mnt/share`. Left out on Windows, UNC paths are used as they are. */
  readonly localPath?: string;
}

/** Mounts by share name. */
export type Mounts = Readonly<Record<string, Mount>>;

/** Where an accepted path is on this PC. */
export interface MountedPath {
  readonly share: string;
  /** The UNC path, with back slashes and the root as it is configured. */
  readonly uncPath: string;
  /** The folder that the share's root is on this PC: `localPath` never leaves it. */
  readonly mountPath: string;
  readonly localPath: string;
}

export type UncErrorCode =
  | 'PATH_MALFORMED'
  | 'PATH_OUTSIDE_SHARES'
  | 'PATH_ESCAPES_SHARE'
  | 'MOUNT_MALFORMED';

/** A path that a job may not use, or a mount that makes no sense. The message names the path and the shares. */
export class UncError extends Error {
  override readonly name = 'UncError';
  readonly code: UncErrorCode;
  readonly path: string;

  constructor(code: UncErrorCode, path: string, reason: string) {
    super(`${code}: ${shown(path)} ${reason}`);
    this.code = code;
    this.path = path;
  }
}

/** Windows' own limit on a path, in characters. */
export const uncPathLengthMax = 32_767;

/** What one name on a share may be long, in UTF-8 bytes: the limit of Linux and of NTFS alike, near enough. */
export const segmentBytesMax = 255;

/** Maps a UNC path to this PC. The longest configured root wins. Throws UncError. */
export function resolveUnc(path: string, mounts: Mounts, platform: string): MountedPath {
  const segments = parseUnc(path);
  const best = rootsOf(mounts)
    .filter((root) => startsWith(segments, root.segments))
    .reduce<Root | undefined>(
      (a, b) => (a === undefined || b.segments.length > a.segments.length ? b : a),
      undefined,
    );
  if (best === undefined) {
    throw new UncError('PATH_OUTSIDE_SHARES', path, `is in none of the shares ${shareList(mounts)}`);
  }
  const rest = segments.slice(best.segments.length);
  const mountPath = localRoot(best, platform);
  return {
    share: best.share,
    uncPath: [`\\\\${best.segments.join('\\')}`, ...rest].join('\\'),
    mountPath,
    localPath: joinLocal(mountPath, rest, platform),
  };
}

/** The UNC form of a path on this PC, for people and for the result's row. Throws UncError. */
export function uncOf(localPath: string, mounts: Mounts, platform: string): string {
  const separators = platform === 'win32' ? /[\\/]+/u : /\/+/u;
  const parts = (text: string): string[] => text.split(separators).filter((part) => part !== '');
  const wanted = parts(localPath);
  const same = platform === 'win32' ? startsWith : startsWithExactly;
  let best: { readonly depth: number; readonly root: Root } | undefined;
  for (const root of rootsOf(mounts)) {
    const depth = parts(localRoot(root, platform));
    if (same(wanted, depth) && (best === undefined || depth.length > best.depth))
      best = { depth: depth.length, root };
  }
  if (best === undefined) {
    throw new UncError('PATH_OUTSIDE_SHARES', localPath, `is on none of the mounts ${shareList(mounts)}`);
  }
  const rest = wanted.slice(best.depth);
  for (const segment of rest) refuseSegment(segment, localPath);
  return [`\\\\${best.root.segments.join('\\')}`, ...rest].join('\\');
}

/** Host, share and the names below, or UncError. Both slashes are taken, mixed ones too. */
export function parseUnc(path: string): readonly string[] {
  if (path.length > uncPathLengthMax) {
    throw new UncError('PATH_MALFORMED', path, `is longer than ${uncPathLengthMax} characters`);
  }
  const text = path.replaceAll('/', '\\');
  if (!text.startsWith('\\\\')) {
    throw new UncError('PATH_MALFORMED', path, 'is no UNC path: it must begin with \\\\host\\share');
  }
  const segments = text.slice(2).split('\\');
  if (segments.length < 2)
    throw new UncError('PATH_MALFORMED', path, 'names no share: \\\\host\\share is needed');
  if (segments[0] === '?' || segments[0] === '.')
    throw new UncError('PATH_MALFORMED', path, 'is a device path');
  for (const segment of segments) refuseSegment(segment, path);
  return segments;
}

interface Root {
  readonly share: string;
  readonly mount: Mount;
  readonly segments: readonly string[];
}

function rootsOf(mounts: Mounts): readonly Root[] {
  return Object.entries(mounts).flatMap(([share, mount]) =>
    mount.roots.map((root) => ({ share, mount, segments: parseUnc(root.replace(/[\\/]+$/u, '')) })),
  );
}

// Windows opens these whatever the extension and the folder (documentation of CreateFile, "Naming Files").
const deviceName = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)$/iu;
const controlCharacter = /\p{Cc}/u;
const encoder = new TextEncoder();

function refuseSegment(segment: string, path: string): void {
  const reason = segmentFault(segment);
  if (reason !== undefined) throw new UncError('PATH_MALFORMED', path, reason);
}

function segmentFault(segment: string): string | undefined {
  if (segment === '') return 'has an empty name in it';
  if (segment === '..' || segment === '.') return `has '${segment}' in it`;
  if (controlCharacter.test(segment)) return 'has a control character in it';
  if (segment.includes(':')) return "has ':' in it (a drive or an alternate stream)";
  if (/[\\/]/u.test(segment)) return 'has a slash inside a name';
  // Windows drops them, so 'a.' and 'a' are one file there and two here; '.. ' would be '..'.
  if (/[. ]$/u.test(segment)) return 'has a name in it that ends with a dot or a space';
  if (deviceName.test((segment.split('.')[0] ?? '').trimEnd()))
    return `has the device name '${segment}' in it`;
  if (!segment.isWellFormed()) return 'has half a character in it';
  if (encoder.encode(segment).length > segmentBytesMax)
    return `has a name in it of more than ${segmentBytesMax} bytes`;
  return undefined;
}

// SMB compares names without case, so a configured root does too; what comes below it is kept as written.
function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((segment, index) => path[index]?.toLowerCase() === segment.toLowerCase());
}

function startsWithExactly(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((segment, index) => path[index] === segment);
}

function localRoot(root: Root, platform: string): string {
  if (root.mount.localPath !== undefined) return root.mount.localPath;
  if (platform === 'win32') return `\\\\${root.segments.join('\\')}`;
  throw new UncError(
    'MOUNT_MALFORMED',
    root.share,
    'is a mount without a local path, which only Windows can use',
  );
}

function joinLocal(mountPath: string, rest: readonly string[], platform: string): string {
  const separator = platform === 'win32' ? '\\' : '/';
  const base = mountPath.replace(platform === 'win32' ? /[\\/]+$/u : /\/+$/u, '');
  return rest.length === 0 ? mountPath : [base, ...rest].join(separator);
}

function shareList(mounts: Mounts): string {
  const shares = Object.entries(mounts).map(([share, mount]) => `${share} (${mount.roots.join(', ')})`);
  return shares.length === 0 ? '(none is mounted)' : shares.join(', ');
}

// A path with control characters must not reach a terminal or a log as it is.
function shown(path: string): string {
  const text = path.length > 300 ? `${path.slice(0, 300)}...` : path;
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
