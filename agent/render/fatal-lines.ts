/**
 * Lines after which a segment must not be used although FFmpeg exits with 0: the source ended early, or its decoder gave
 * up on frames that `tpad` would then replace by a still picture. Single concealed macroblocks are not among them.
 */
const fatalPatterns: readonly RegExp[] = [
  /partial file/iu,
  /Truncating packet/u,
  /Packet corrupt/u,
  /Error while decoding stream/u,
  /Error submitting (?:a )?packet to decoder/u,
  /Invalid NAL unit size/u,
  /Error splitting the input into NAL units/u,
  /No space left on device/u,
  /Input\/output error/u,
];

/** What decoders say of a picture that they could read only in part, and made up for the rest: one such line for each. */
const concealed = /concealing \d+ DC|corrupt decoded frame|Could not find ref with POC/u;

/** Quick enough for every line of stderr. */
export function isDamageLine(line: string): boolean {
  return concealed.test(line);
}

/** Quick enough for every line of stderr. */
export function isFatalLine(line: string): boolean {
  return fatalPatterns.some((pattern) => pattern.test(line));
}
