const mib = 1024 * 1024;

/**
 * Bytes of each log file of one attempt. The agent writes no more and the controller takes no more: what one end keeps
 * and the other refuses would be sent again without end. ffmpeg_stderr.txt is the largest by far: FFmpeg at level verbose.
 */
export const logBytesMax = {
  'job.log': 32 * mib,
  'ffmpeg_cmd.txt': 8 * mib,
  'ffmpeg_stderr.txt': 64 * mib,
} as const;
