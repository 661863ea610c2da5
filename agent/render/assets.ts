import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import sea from 'node:sea';
import { fileURLToPath } from 'node:url';

/** Files that ship with the agent, by the name under which a single executable holds them. */
const packagedAs = {
  'fonts/Anton-Regular.ttf': '@expo-google-fonts/anton/400Regular/Anton_400Regular.ttf',
} as const;

export type AssetName = keyof typeof packagedAs;

/** The one door to shipped files: from the executable when we are one, else from the package that brings it. */
export async function readAsset(name: AssetName): Promise<Uint8Array> {
  if (sea.isSea()) return new Uint8Array(sea.getRawAsset(name));
  const require = createRequire(fileURLToPath(import.meta.url));
  return await readFile(require.resolve(packagedAs[name]));
}
