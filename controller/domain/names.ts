/** File systems allow 255 bytes a name (ext4) or 255 UTF-16 units (NTFS); this leaves room for id and extension. */
const nameBytesMax = 180;
/** What Windows forbids in names, what Linux cannot hold, and controls that make a name look like another one. */
// biome-ignore format: one class of characters, read as one
const forbidden = /[<>:"/\\|?*\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu;
/** Names that Windows keeps for devices, whatever their extension (Microsoft, "Naming Files, Paths, and Namespaces"). */
const device = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/iu;

/**
 * Any text as one file or folder name that Linux and Windows accept and that can never leave its folder. A text that
 * is fine already stays as it is; two texts can give the same name, so add an id where that matters.
 */
export function safeName(text: string): string {
  const printable = text.normalize('NFC').replaceAll(forbidden, '_');
  // Windows drops dots and spaces at the end, and `.` and `..` are folders that exist.
  const ended = firstBytes(printable, nameBytesMax).replace(/[. ]+$/u, '_');
  if (ended === '') return '_';
  return device.test(ended) ? `_${ended}` : ended;
}

/** `{channel_name}_{job_id}.mp4`: the name of a job's published result (mission.md section 3). */
export function outputFileName(channelName: string, jobId: string): string {
  return `${safeName(`${stem(channelName)}_${jobId}`)}.mp4`;
}

/** What a job's log folder is named by. */
export interface LogPlace {
  /** `YYYY-MM-DD` of the job's first start. */
  readonly logDate: string;
  readonly username: string;
  readonly channelName: string;
  readonly jobId: string;
}

/**
 * A job's log folder under logs/, with `/` between its names (mission.md section 4):
 * `{date}/{username}/jobs/{channel}_{job_id}`. Spaces of the channel's name become `_`.
 */
export function logFolder(place: LogPlace): string {
  const channel = stem(place.channelName).replaceAll(/\s/gu, '_');
  const names = [
    place.logDate,
    place.username === '' ? 'unknown' : place.username,
    'jobs',
    `${channel}_${place.jobId}`,
  ];
  return names.map(safeName).join('/');
}

/** The channel's part of a name, cut so that the job's id behind it is never cut off. */
function stem(channelName: string): string {
  const idBytes = 37;
  return firstBytes(channelName.normalize('NFC').replaceAll(forbidden, '_'), nameBytesMax - idBytes);
}

/** The longest start of a text that is at most `bytesMax` in UTF-8, cut between characters. */
function firstBytes(text: string, bytesMax: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += utf8Bytes(character);
    if (bytes > bytesMax) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

/** Bytes of one character in UTF-8. */
export function utf8Bytes(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}
