/** A file that somebody wants to know about. */
export interface WantedFile {
  readonly path: string;
  /** Name of its share. */
  readonly share: string;
}

/** An agent that can be asked: attached, it knows the question, and it reaches these shares. */
export interface LookAgent {
  readonly agentId: string;
  readonly sessionId: string;
  readonly shares: ReadonlySet<string>;
}

/** Looks under way at one agent: the next one waits there while it works. */
const underwayMax = 2;

/** An agent, as those who look at files see it. */
export class FileDesk {
  agent: LookAgent;
  underway = 0;
  /** Nothing is asked of it before. */
  restsUntilMs = 0;
  /** It has left a question unanswered: nobody waits for it before. */
  silentUntilMs = 0;

  constructor(agent: LookAgent) {
    this.agent = agent;
  }

  isFree(nowMs: number): boolean {
    return this.underway < underwayMax && this.restsUntilMs <= nowMs && this.silentUntilMs <= nowMs;
  }

  /** It may be asked about a file of this share, now or later. */
  reaches(share: string, nowMs: number): boolean {
    return this.silentUntilMs <= nowMs && this.agent.shares.has(share);
  }
}
