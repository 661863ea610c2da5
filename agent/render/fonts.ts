import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { readAsset } from './assets.ts';

/** The font that texts are drawn with. */
export interface ResolvedFont {
  /** What a style must name: libass ignores a font of another family, wherever it lies. */
  readonly family: 'Impact' | 'Anton';
  readonly fileName: string;
  readonly content: Uint8Array;
  readonly sha256: string;
}

/** Where systems keep their fonts. */
const systemFontFolders: readonly string[] = [
  'C:\\Windows\\Fonts',
  '/Library/Fonts',
  '/System/Library/Fonts/Supplemental',
  '/usr/share/fonts',
  '/usr/local/share/fonts',
  path.join(homedir(), '.fonts'),
  path.join(homedir(), '.local', 'share', 'fonts'),
];

/** Impact where the PC has it; else Anton (OFL), the free font that is nearest to it and ships with the agent. */
export async function resolveFont(folders: readonly string[] = systemFontFolders): Promise<ResolvedFont> {
  const impact = await findImpact(folders);
  const family = impact === undefined ? 'Anton' : 'Impact';
  const content = impact ?? (await readAsset('fonts/Anton-Regular.ttf'));
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { family, fileName: `${family}.ttf`, content, sha256 };
}

/** Makes the folder that a filter graph calls `fontsdir`, with this one font in it. */
export async function writeFont(font: ResolvedFont, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, font.fileName), font.content);
}

async function findImpact(folders: readonly string[]): Promise<Uint8Array | undefined> {
  for (const folder of folders) {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    const name = names.find((candidate) => path.basename(candidate).toLowerCase() === 'impact.ttf');
    if (name !== undefined) return await readFile(path.join(folder, name));
  }
  return undefined;
}
