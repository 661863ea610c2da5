/** protocol.md rule 10. */
export interface LinkLimits {
  /** @default 1 MiB: what a receiver accepts; a larger message would kill the whole stream. */
  readonly messageBytesMax: number;
  /** @default 256 */
  readonly queuedWritesMax: number;
  /** No drain for this long ends the session. @default 10,000 */
  readonly drainMs: number;
  /** Received messages that wait for a reader before the stream is paused. @default 64 */
  readonly unreadMax: number;
  /** An end that the other side does not answer in this time is forced. @default 5,000 */
  readonly endMs: number;
}

export const linkLimits: LinkLimits = {
  messageBytesMax: 1024 * 1024,
  queuedWritesMax: 256,
  drainMs: 10_000,
  unreadMax: 64,
  endMs: 5_000,
};
