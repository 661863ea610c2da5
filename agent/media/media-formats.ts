/** Names of FFmpeg's demuxers that read one still picture from its content, without looking at the file's name. */
const stills = [
  ...['png_pipe', 'jpeg_pipe', 'webp_pipe', 'bmp_pipe', 'tiff_pipe', 'gif_pipe', 'jpegls_pipe', 'j2k_pipe'],
  ...[
    'jpegxl_pipe',
    'psd_pipe',
    'ppm_pipe',
    'pgm_pipe',
    'pam_pipe',
    'qoi_pipe',
    'sgi_pipe',
    'dpx_pipe',
    'exr_pipe',
  ],
];

const clips = [
  ...[
    'mov',
    'mp4',
    'm4a',
    '3gp',
    '3g2',
    'mj2',
    'matroska',
    'webm',
    'avi',
    'mpegts',
    'mpeg',
    'mpegvideo',
    'm4v',
  ],
  ...[
    'h264',
    'hevc',
    'av1',
    'obu',
    'ivf',
    'flv',
    'asf',
    'mxf',
    'gxf',
    'ogg',
    'nut',
    'dv',
    'wtv',
    'rm',
    'vc1',
  ],
  ...['yuv4mpegpipe', 'gif', 'apng', 'image2pipe'],
];

// Recognised, so that the answer is "no picture in it" and not "unknown".
const sounds = ['wav', 'mp3', 'aac', 'flac', 'ac3', 'eac3', 'aiff'];

/** Everything else (playlists, concat scripts, subtitles, screen devices) is refused before it is opened. */
export const formatWhitelist: string = [...stills, ...clips, ...sounds].join(',');

export function isStill(formatName: string): boolean {
  return stills.includes(formatName);
}

/**
 * Containers that do not say how long they are: what ffprobe tells of them it read off the last packets that are there,
 * so a file that was cut off looks whole.
 */
const undeclared: ReadonlySet<string> = new Set([
  ...['mpegts', 'mpeg', 'mpegvideo', 'm4v', 'h264', 'hevc', 'av1', 'obu', 'vc1', 'ivf', 'yuv4mpegpipe'],
  ...['ogg', 'gif', 'dv', 'mp3', 'aac', 'ac3', 'eac3'],
]);

/** False where a duration that ffprobe tells is an estimate. Fragmented MP4 is not known by its format's name. */
export function declaresDuration(formatName: string): boolean {
  return !undeclared.has(formatName);
}
