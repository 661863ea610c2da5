import { realpath } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { UncError } from './unc.ts';

/**
 * Follows every symbolic link of `localPath` and returns the real path, or throws UncError `PATH_ESCAPES_SHARE`
 * when that is not below the mount. Errors of the file system (ENOENT, EACCES, ...) pass through.
 * Blocks on a hung mount: call it in the child that does the share operations.
 */
export async function assertInsideMount(localPath: string, mountPath: string): Promise<string> {
  const [real, mount] = await Promise.all([realpath(localPath), realpath(mountPath)]);
  const below = relative(mount, real);
  // On Windows `relative` gives an absolute path for another drive.
  const outside = below === '..' || below.startsWith(`..${sep}`) || /^(?:[A-Za-z]:|\\\\|\/)/u.test(below);
  if (outside)
    throw new UncError('PATH_ESCAPES_SHARE', localPath, `is a link that leads out of ${mountPath}`);
  return real;
}
