import { utf8Bytes } from './names.ts';
import { isPrintable } from './text-rules.ts';

/** File systems allow 255 bytes a name (ext4) or 255 UTF-16 units (NTFS). */
export const pathNameBytesMax = 255;

/**
 * What is wrong with the path of a source or a logo, before anybody looks at a share; undefined when every agent can open
 * it. Agents refuse the same (agent/media/unc.ts), so that a job does not wait for its turn to hear of it.
 */
export function pathFault(path: string): string | undefined {
  if (!isPrintable(path) || !/^\\\\[^\\/]+\\[^\\/]+\\./u.test(path)) {
    return 'must be a UNC path (\\\\host\\share\\...)';
  }
  const names = path.slice(2).split(/[\\/]/u);
  if (names.includes('..')) return 'must not contain ".."';
  if (names.some(isUnusableName)) {
    return 'must have names that every agent can open: none empty, no ":", no dot or space at the end';
  }
  const device = names.find(isDeviceName);
  if (device !== undefined) return `must not have the name ${device} in it, which Windows keeps for a device`;
  const long = names.map(bytesOf).find((bytes) => bytes > pathNameBytesMax);
  return long === undefined ? undefined : `must have names of at most ${pathNameBytesMax} bytes, not ${long}`;
}

function bytesOf(name: string): number {
  return Array.from(name).reduce((sum, character) => sum + utf8Bytes(character), 0);
}

/** Windows takes them for a stream of a file, or for another name. */
function isUnusableName(name: string): boolean {
  return name.includes(':') || /(?:^|[. ])$/u.test(name);
}

/** Whatever their extension and their folder (Microsoft, "Naming Files, Paths, and Namespaces"). */
function isDeviceName(name: string): boolean {
  return /^(?:[?.]|(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³]) *(?:\..*)?)$/iu.test(
    name,
  );
}

/**
 * What no agent renders, by extensions that mean nothing else, as the rest of a sentence; undefined for everything
 * else, because only its content tells what a file is.
 */
export function unusableKind(path: string): string | undefined {
  return unusableKinds.find(([extension]) => extension.test(path))?.[1];
}

const unusableKinds: readonly (readonly [RegExp, string])[] = [
  [/\.svgz?$/iu, 'an SVG: FFmpeg draws pixels only'],
  [/\.(?:eps|ai|cdr|pdf)$/iu, 'a drawing or a document: FFmpeg draws pixels only'],
  [
    /\.(?:m3u8?|mpd|ffconcat|pls|asx|wax|wvx|wpl|xspf|cue|f4m|ism)$/iu,
    'a playlist: it only names other files',
  ],
  [/\.(?:lnk|url|webloc|desktop)$/iu, 'a shortcut: name the file that it leads to'],
  [/\.(?:avs|vpy|bat|cmd|ps1|vbs|sh|py|exe|msi|dll)$/iu, 'a script or a program'],
  [/\.(?:srt|ass|ssa|vtt|ttml|smi)$/iu, 'subtitles: they have no picture'],
  [/\.(?:zip|rar|7z|tar|gz|iso)$/iu, 'an archive: unpack it first'],
  [/\.(?:prproj|aep|drp|veg|fcpxml|xmp)$/iu, 'a project of an editor: export it first'],
  [/\.(?:part|crdownload|download|partial|opdownload)$/iu, 'a file that is still being downloaded'],
];
