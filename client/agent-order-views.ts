/** What holds for an agent: `cordoned` and `draining` take nothing new, `evict` also gives up what it has. */
export type AgentMode = 'active' | 'cordoned' | 'draining' | 'evict';

/** What a person ordered of an agent. */
export interface AgentOrderView {
  readonly reason?: string;
  readonly by?: string;
  readonly since?: Date;
  /** `evict`: what still runs then is stopped. */
  readonly until?: Date;
  /** Draining or evicting is done: it holds nothing. */
  readonly drained: boolean;
}

/** Different jobs in a row failed on this host for reasons of the PC. */
export interface SicknessView {
  readonly reason: string;
  readonly since?: Date;
  /** Probes of what failed; the first that finds it working heals the host. */
  readonly checks: number;
  readonly nextCheck?: Date;
  /** What the last probe found. */
  readonly finding?: string;
}
