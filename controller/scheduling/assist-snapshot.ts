/** An item that its owner has given up and nobody renders. */
export interface LooseItem {
  readonly position: number;
  readonly outputMs: number;
  readonly sourceBytes: number;
}

/** A running job that could be helped. */
export interface HelpedJob {
  readonly jobId: string;
  /** Higher goes first: the job's class. */
  readonly rank: number;
  /** What its owner would need for all that it has left, without more help. */
  readonly ownLeftMs: number;
  /** Output that its owner renders in a unit of time. */
  readonly ownSpeed: number;
  /** Length of a usual item of it, and the size of its source. */
  readonly usual: Omit<LooseItem, 'position'>;
  readonly loose: readonly LooseItem[];
  /** When the items that are at helpers are expected to be done, in ms from now. */
  readonly helpersEndMs: readonly number[];
  /** Of the fastest of these helpers. */
  readonly helpersSpeed: number;
  /** Its owner may be asked to release more. */
  readonly mayAsk: boolean;
}

/** A slot of an agent that has nothing better to do. */
export interface HelperSlot {
  readonly agentId: string;
  readonly copyBytesPerMs: number;
  /** Jobs that it may help, and how fast it would render them: output in a unit of time. */
  readonly speedOf: ReadonlyMap<string, number>;
}

export interface AssistTuning {
  /** An item is given only where it is predicted to take at most this long there. scheduling.md: 5 min. */
  readonly itemMaxMs: number;
  /** It must save so many times the copying of its files. scheduling.md: more than twice. */
  readonly copyFactor: number;
  /** It must save so large a part of the time that the helper needs: what saves less is often rendered twice. */
  readonly savingShareMin: number;
  /** What saves less than this is not worth the talk. */
  readonly savingMinMs: number;
  /** Items that are asked for at a time. */
  readonly askMax: number;
}

export const defaultAssistTuning: AssistTuning = {
  itemMaxMs: 300_000,
  copyFactor: 2,
  savingShareMin: 0.25,
  savingMinMs: 500,
  askMax: 64,
};

export interface ItemGift {
  readonly jobId: string;
  readonly position: number;
  readonly agentId: string;
  /** Copying and rendering, in ms from now. */
  readonly endsInMs: number;
}

export interface ItemAsk {
  readonly jobId: string;
  readonly itemsMax: number;
  readonly outputMaxMs: number;
}

export interface AssistPlan {
  readonly gifts: readonly ItemGift[];
  readonly asks: readonly ItemAsk[];
}
