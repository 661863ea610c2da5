import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { repositoryFolder } from './checks.ts';

/** The part of a lockfile's entry that matters here. */
interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** A package for another platform that the lockfile forgot. */
interface Forgotten {
  readonly name: string;
  readonly version: string;
  readonly dev: boolean;
}

/**
 * Optional packages that a locked package names and the lockfile lacks. npm leaves out those that it could not reach or
 * did not install when it wrote the file, and then refuses it (`npm ci`: "Missing: ... from lock file").
 */
export function forgottenPackages({ packages }: Lockfile): readonly Forgotten[] {
  return Object.values(packages).flatMap((locked) =>
    Object.entries(locked.optionalDependencies ?? {})
      .filter(([name]) => packages[`node_modules/${name}`] === undefined)
      .map(([name, version]) => ({ name, version, dev: locked.dev ?? false })),
  );
}

/** The lockfile with an entry for each of them: name, version and platform are all that npm needs to pass it over. */
export function completed(lockfile: Lockfile): Lockfile {
  const packages: Record<string, object> = { ...lockfile.packages };
  for (const { name, version, dev } of forgottenPackages(lockfile)) {
    const entry = { version, ...platformOf(name), ...(dev && { dev: true }), optional: true };
    packages[`node_modules/${name}`] = entry;
  }
  // The project itself, whose path is empty, stays the first.
  const inOrder = Object.entries(packages).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { ...lockfile, packages: Object.fromEntries(inOrder) };
}

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors: readonly (readonly [part: string, cpu: string])[] = [
  ['aarch64', 'arm64'],
  ['arm64', 'arm64'],
  ['armv7', 'arm'],
  ['arm', 'arm'],
  ['x64', 'x64'],
  ['ia32', 'ia32'],
  ['ppc64', 'ppc64'],
  ['riscv64', 'riscv64'],
  ['s390x', 's390x'],
];

/** Such packages are named by their platform, e.g. `@oxc-parser/binding-linux-riscv64-musl`. */
function platformOf(name: string): { cpu: string[]; os: string[]; libc?: string[] } {
  const parts = name.split(/[/-]/u);
  const os = systems.find((system) => parts.includes(system));
  const cpu = processors.find(([part]) => parts.includes(part))?.[1];
  if (os === undefined || cpu === undefined) throw new Error(`${name} does not say which platform it is for`);
  const libc = parts.some((part) => part.startsWith('musl')) ? 'musl' : 'glibc';
  return { cpu: [cpu], os: [os], ...(os === 'linux' && { libc: [libc] }) };
}

if (import.meta.main) {
  const file = join(repositoryFolder, 'package-lock.json');
  const lockfile = JSON.parse(readFileSync(file, 'utf8')) as Lockfile;
  for (const { name, version } of forgottenPackages(lockfile))
    process.stdout.write(`Added ${name} ${version}\n`);
  writeFileSync(file, `${JSON.stringify(completed(lockfile), undefined, 2)}\n`);
}
