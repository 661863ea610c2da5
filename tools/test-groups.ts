/** A group of test files, by the folders of test/ that belong to it. */
interface TestGroup {
  readonly name: string;
  readonly folders: readonly string[];
}

/** The groups in the order in which they run: what is fast and says most comes first. */
export const testGroups: readonly TestGroup[] = [
  { name: 'static', folders: ['tidy'] },
  { name: 'unit', folders: ['proto', 'controller', 'agent', 'client', 'demo', 'tools', 'bench', 'chaos'] },
  { name: 'contract', folders: ['contract'] },
  { name: 'simulation', folders: ['simulation'] },
  { name: 'integration', folders: ['integration'] },
  { name: 'system', folders: ['system'] },
  { name: 'media', folders: ['media'] },
];

/**
 * Test files of the chosen groups (all when none is chosen), in the order in which they run.
 * @param files paths that begin with `test/`, with slashes
 * @throws when a name is no group, or a file belongs to none: it would never run
 */
export function chooseTestFiles(files: readonly string[], names: readonly string[]): readonly string[] {
  const unknown = names.filter((name) => !testGroups.some((group) => group.name === name));
  if (unknown.length > 0) throw new Error(`No such group of tests: ${unknown.join(', ')}. ${groupNames()}`);
  const homeless = files.filter((file) => groupOf(file) === undefined);
  if (homeless.length > 0) throw new Error(`In no group of tests: ${homeless.join(', ')}. ${groupNames()}`);
  return testGroups
    .filter((group) => names.length === 0 || names.includes(group.name))
    .flatMap((group) => files.filter((file) => groupOf(file) === group).toSorted());
}

function groupOf(file: string): TestGroup | undefined {
  const folder = file.split('/')[1] ?? '';
  return testGroups.find((group) => group.folders.includes(folder));
}

function groupNames(): string {
  return `Groups: ${testGroups.map((group) => group.name).join(', ')}.`;
}
