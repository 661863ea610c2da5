import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';

/** What this machine must have beside Node: Debian's name, and how to see that it is there. */
interface SystemPackage {
  readonly name: string;
  readonly purpose: string;
  readonly isThere: () => boolean;
}

/** Everything that tests and demo use and npm cannot bring. */
export const systemPackages: readonly SystemPackage[] = [
  {
    name: 'ffmpeg',
    purpose: 'renders and probes',
    isThere: () => answers('ffmpeg', ['-version']) && answers('ffprobe', ['-version']),
  },
  {
    name: 'redis-server',
    purpose: 'is the second store, tested for real',
    isThere: () => answers('redis-server', ['--version']),
  },
  {
    name: 'fonts-noto-core',
    purpose: 'draws texts in scripts that our own font lacks',
    isThere: () => isInstalled('fonts-noto-core') || hasFont('Noto Sans'),
  },
];

export type Installer = 'apt' | 'nobody';

/**
 * Makes sure that every system package is there: installs what is missing where that is ours to do (root on Debian or
 * Ubuntu), otherwise says exactly what is missing.
 * @returns false when something is still missing; the reason was printed.
 */
export function ensureSystemPackages(installer: Installer = findInstaller()): boolean {
  const missing = systemPackages.filter((each) => !each.isThere());
  if (missing.length === 0) return true;
  const names = missing.map((each) => each.name);
  if (installer === 'nobody') return tellWhatIsMissing(missing);
  say(`Installing ${names.join(', ')} with apt-get`);
  // Only when the lists on this machine do not know a package are they fetched again.
  if (!aptGet(['install', '-y', '--no-install-recommends', ...names])) {
    aptGet(['update']);
    aptGet(['install', '-y', '--no-install-recommends', ...names]);
  }
  const still = missing.filter((each) => !each.isThere());
  return still.length === 0 || tellWhatIsMissing(still);
}

function findInstaller(): Installer {
  const debian = existsSync('/etc/os-release') && /^ID(_LIKE)?=.*(debian|ubuntu)/mu.test(osRelease());
  return debian && process.getuid?.() === 0 ? 'apt' : 'nobody';
}

function osRelease(): string {
  return readFileSync('/etc/os-release', 'utf8');
}

function tellWhatIsMissing(missing: readonly SystemPackage[]): false {
  for (const each of missing) say(`Missing: ${each.name} (${each.purpose})`);
  const names = missing.map((each) => each.name).join(' ');
  say(`Install it, on Debian or Ubuntu with:  sudo apt-get install -y ${names}`);
  return false;
}

function aptGet(args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // apt-get's own output goes to stderr, so that stdout stays what the caller made it for.
  return spawnSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 2, 2] }).status === 0;
}

function answers(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

function isInstalled(name: string): boolean {
  const query = spawnSync('dpkg-query', ['-W', '-f=$' + '{db:Status-Status}', name], { encoding: 'utf8' });
  return query.status === 0 && query.stdout === 'installed';
}

function hasFont(family: string): boolean {
  const list = spawnSync('fc-list', [`:family=${family}`], { encoding: 'utf8' });
  return list.status === 0 && list.stdout.trim() !== '';
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

if (import.meta.main && !ensureSystemPackages()) process.exitCode = 1;
