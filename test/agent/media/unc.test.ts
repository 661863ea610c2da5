import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Mounts } from '../../../agent/media/unc.ts';
import { parseUnc, resolveUnc, UncError, uncOf } from '../../../agent/media/unc.ts';

const mounts: Mounts = {
  assets: { roots: ['\\\\192.168.1.6\\Share', '\\\\nas\\Share'], localPath: '/mnt/share' },
  kids: { roots: ['\\\\192.168.1.6\\Share\\Kids'], localPath: '/mnt/share2/' },
  output: { roots: ['//192.168.1.6/Output'], localPath: '/srv/out' },
};

const localPath = (path: string): string => resolveUnc(path, mounts, 'linux').localPath;

const refusal = (path: string, platform = 'linux'): UncError => {
  try {
    resolveUnc(path, mounts, platform);
  } catch (error) {
    assert.ok(error instanceof UncError);
    return error;
  }
  assert.fail(`${JSON.stringify(path)} was accepted`);
};

describe('a UNC path that a mount knows', () => {
  test('is mapped below its mount', () => {
    assert.deepEqual(resolveUnc('\\\\192.168.1.6\\Share\\a\\b.mp4', mounts, 'linux'), {
      share: 'assets',
      uncPath: '\\\\192.168.1.6\\Share\\a\\b.mp4',
      mountPath: '/mnt/share',
      localPath: '/mnt/share/a/b.mp4',
    });
  });

  test('may be written with forward slashes and in any case of host and share', () => {
    assert.equal(localPath('//192.168.1.6/SHARE/Clips/A.mp4'), '/mnt/share/Clips/A.mp4');
    assert.equal(localPath('\\\\NAS/share\\x.png'), '/mnt/share/x.png');
  });

  test('goes to the mount with the longest root', () => {
    assert.equal(localPath('\\\\192.168.1.6\\Share\\kids\\x.mp4'), '/mnt/share2/x.mp4');
    assert.equal(localPath('\\\\192.168.1.6\\Share\\Kids2\\x.mp4'), '/mnt/share/Kids2/x.mp4');
  });

  test('keeps quotes, brackets, percent signs, emoji and leading dashes', () => {
    const name = `-a 'b' "c" [d] {e} 100%; $HOME \u{1F600}.mp4`;
    assert.equal(localPath(`\\\\192.168.1.6\\Share\\${name}`), `/mnt/share/${name}`);
  });

  test('is used as it is on Windows when the mount has no local path', () => {
    const windows: Mounts = {
      assets: { roots: ['\\\\nas\\Share'] },
      drive: { roots: ['\\\\nas\\D'], localPath: 'D:\\d' },
    };
    assert.equal(resolveUnc('//NAS/share/a/b.mp4', windows, 'win32').localPath, '\\\\nas\\Share\\a\\b.mp4');
    assert.equal(resolveUnc('//NAS/d/a.mp4', windows, 'win32').localPath, 'D:\\d\\a.mp4');
    assert.throws(() => resolveUnc('//NAS/share/a', windows, 'linux'), { code: 'MOUNT_MALFORMED' });
  });
});

describe('a path that a job may not use', () => {
  const malformed: readonly (readonly [string, RegExp])[] = [
    ['', /no UNC path/],
    ['/mnt/share/a.mp4', /no UNC path/],
    ['C:\\a.mp4', /no UNC path/],
    ['\\\\192.168.1.6', /names no share/],
    ['\\\\192.168.1.6\\Share\\..\\etc\\passwd', /'\.\.'/],
    ['//192.168.1.6/Share/a/../../x', /'\.\.'/],
    ['//192.168.1.6/Share/./x', /'\.'/],
    ['//192.168.1.6/Share/.. /x', /dot or a space/],
    ['//192.168.1.6/Share/.../x', /dot or a space/],
    ['//192.168.1.6/Share/a.mp4.', /dot or a space/],
    ['//192.168.1.6/Share//x', /empty name/],
    ['//192.168.1.6/Share/x/', /empty name/],
    ['///192.168.1.6/Share/x', /empty name/],
    ['//192.168.1.6/Share/a.mp4:hidden', /alternate stream/],
    ['//192.168.1.6/Share/a\0.mp4', /control character/],
    ['//192.168.1.6/Share/a\n.mp4', /control character/],
    ['//192.168.1.6/Share/\u0085.mp4', /control character/],
    ['//192.168.1.6/Share/CON', /device name/],
    ['//192.168.1.6/Share/nul.mp4', /device name/],
    ['//192.168.1.6/Share/COM1.a.b', /device name/],
    ['//192.168.1.6/Share/lpt¹ .txt', /device name/],
    ['\\\\?\\UNC\\192.168.1.6\\Share\\x', /device path/],
    ['\\\\.\\PhysicalDrive0', /device path/],
    ['//192.168.1.6/Share/\ud800.mp4', /half a character/],
    [`//192.168.1.6/Share/${'é'.repeat(128)}`, /255 bytes/],
    [`//192.168.1.6/Share/${'a/'.repeat(20_000)}x`, /32767 characters/],
  ];
  for (const [path, reason] of malformed) {
    test(`is malformed: ${JSON.stringify(path.slice(0, 50))}`, () => {
      const error = refusal(path);
      assert.equal(error.code, 'PATH_MALFORMED');
      assert.match(error.message, reason);
    });
  }

  test('is refused by a message that names it and the shares', () => {
    const error = refusal('\\\\evil\\Share\\a.mp4');
    assert.equal(error.code, 'PATH_OUTSIDE_SHARES');
    assert.match(error.message, /\\\\evil\\Share\\a\.mp4/);
    assert.match(error.message, /assets \(\\\\192\.168\.1\.6\\Share, .*kids .*output/);
  });

  test('is not inside a share whose name merely begins the same', () => {
    assert.equal(refusal('\\\\192.168.1.6\\Share2\\a.mp4').code, 'PATH_OUTSIDE_SHARES');
  });

  test('never puts a control character into a message', () => {
    assert.doesNotMatch(refusal('//192.168.1.6/Share/\u001b[2J').message, /\p{Cc}/u);
  });
});

describe('the UNC form of a local path', () => {
  test('uses the first root of the deepest mount', () => {
    assert.equal(uncOf('/srv/out/Chan_1.mp4', mounts, 'linux'), '\\\\192.168.1.6\\Output\\Chan_1.mp4');
    assert.equal(uncOf('/mnt/share2/x/y.mp4', mounts, 'linux'), '\\\\192.168.1.6\\Share\\Kids\\x\\y.mp4');
  });

  test('does not exist outside the mounts', () => {
    assert.throws(() => uncOf('/mnt/sharex/a.mp4', mounts, 'linux'), { code: 'PATH_OUTSIDE_SHARES' });
    assert.throws(() => uncOf('/mnt/share/../etc', mounts, 'linux'), { code: 'PATH_MALFORMED' });
    assert.throws(() => uncOf('/mnt/share/a\\b', mounts, 'linux'), { code: 'PATH_MALFORMED' });
  });
});

describe('whatever a job writes', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '..',
      '.',
      '',
      '...',
      '.. ',
      'a',
      'Share',
      'Kids',
      '192.168.1.6',
      'nas',
      'Output',
      '?',
      'C:',
      '%2e%2e',
      '‥',
      '\0',
      'x.mp4',
    ),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  const hostile = fc
    .tuple(
      fc.constantFrom(
        '\\\\192.168.1.6\\Share',
        '//nas/share',
        '//192.168.1.6/Share/Kids',
        '//192.168.1.6/Output',
        '',
      ),
      fc.array(fc.tuple(fc.constantFrom('\\', '/', '\\\\', '//'), piece), { maxLength: 8 }),
    )
    .map(([root, parts]) => root + parts.map(([slash, text]) => slash + text).join(''));

  const attempt = (path: string, known = mounts): ReturnType<typeof resolveUnc> | undefined => {
    try {
      return resolveUnc(path, known, 'linux');
    } catch (error) {
      assert.ok(error instanceof UncError);
      return undefined;
    }
  };

  test('no accepted path ever leaves its mount', () => {
    fc.assert(
      fc.property(hostile, (path) => {
        const found = attempt(path);
        if (found === undefined) return;
        const mount = resolve(found.mountPath);
        const real = resolve(found.localPath);
        assert.ok(real === mount || real.startsWith(`${mount}/`), `${path} became ${real}`);
        // Nothing was left for the file system to normalise: what is checked is what is opened.
        assert.equal(real, found.localPath.replace(/(.)\/+$/u, '$1'));
      }),
      { numRuns: 3000 },
    );
  });

  test('an accepted path survives the way to the PC and back', () => {
    fc.assert(
      fc.property(hostile, (path) => {
        // Without the share inside a share: a folder that two mounts hold has two names.
        const apart = Object.fromEntries(Object.entries(mounts).filter(([share]) => share !== 'kids'));
        const found = attempt(path, apart);
        if (found === undefined) return;
        const back = uncOf(found.localPath, apart, 'linux');
        assert.equal(resolveUnc(back, apart, 'linux').localPath, found.localPath);
        // The rest after the root is kept letter by letter.
        assert.equal(parseUnc(back).at(-1)?.toLowerCase(), parseUnc(path).at(-1)?.toLowerCase());
      }),
      { numRuns: 3000 },
    );
  });
});
