/** Limits of the controller's gRPC side; every one can be changed for a test. */
export interface RpcLimits {
  /** A first message on an agent's stream must be Hello in this time. @default 10,000 (protocol.md rule 1) */
  readonly helloMs: number;
  /** A watcher or an agent that takes nothing for this long is cut off. @default 10,000 */
  readonly watchDrainMs: number;
  /** An upload that sends nothing for this long is ended. @default 60,000 */
  readonly uploadIdleMs: number;
  /** What `stop` gives open calls before the connections are cut. @default 5,000 */
  readonly stopMs: number;
  /** Agents come back within this time after a restart, spread evenly. @default 2,000 */
  readonly comeBackSpreadMs: number;
  /** What a status that nobody takes is given before its stream is reset. @default 5,000 */
  readonly endMs: number;
  /** Frees dead sockets only: heartbeats decide about agents (protocol.md, Traps). @default 60,000 and 20,000 */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

export const rpcLimits: RpcLimits = {
  helloMs: 10_000,
  watchDrainMs: 10_000,
  uploadIdleMs: 60_000,
  stopMs: 5_000,
  comeBackSpreadMs: 2_000,
  endMs: 5_000,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 20_000,
};

/** protocol.md rule 10. */
export const messageBytesMax = 1024 * 1024;
export const streamsPerConnectionMax = 16;
/** What a reply may have: a job with 2,000 items and as many problems fits. Callers' own default is the same. */
export const replyBytesMax = 4 * 1024 * 1024;
