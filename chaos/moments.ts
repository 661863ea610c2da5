/**
 * The named states at which something is struck. They are seen from outside: in an agent's journal, in the output
 * folder, in the store's files and in what a client is told. No program of the farm has a hook for it.
 */
export const momentNames = [
  /** A client has just been told that its job is stored. */
  'submit-acknowledged',
  /** The agent has written down an assignment; its reply is not yet sent. */
  'accepting',
  /** The same, some milliseconds later: its files are on their way. */
  'copying',
  /** The renderer of an attempt encodes. */
  'encoding',
  /** The last frame is encoded; sound, join and verification follow. */
  'joining',
  /** The attempt's staging folder has just appeared. */
  'uploading',
  /** The staged file is whole and written down; the grant is not there yet. */
  'ready',
  /** The agent has written down the grant; the file does not have its name yet. */
  'granted',
  /** The file has just got its name; nobody was told yet. */
  'renamed',
  /** The store's file has just grown: a commit is under way, or just over. */
  'committing',
] as const;

export type MomentName = (typeof momentNames)[number];

export interface Moment {
  readonly name: MomentName;
  /** The agent in whose journal it was seen, or who has the job. */
  readonly agentId?: string;
  readonly jobId?: string;
}

export type MomentListener = (moment: Moment) => void;

/** Passes moments on at once, within the call that saw them: a strike must come before the next step does. */
export class Moments {
  readonly #listeners = new Set<MomentListener>();
  /** By job, the agent that was last seen with it: the share does not say whose a file is. */
  readonly #holders = new Map<string, string>();

  saw(moment: Moment): void {
    const { jobId, agentId } = moment;
    if (jobId !== undefined && agentId !== undefined) this.#holders.set(jobId, agentId);
    const holder = agentId ?? this.#holders.get(jobId ?? '');
    const whole = holder === undefined ? moment : { ...moment, agentId: holder };
    for (const listener of [...this.#listeners]) listener(whole);
  }

  /** Until the returned function is called. */
  listen(listener: MomentListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
