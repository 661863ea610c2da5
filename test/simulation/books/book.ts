import type { CoreState } from '../../../agent/core/state.ts';
import type { Input } from '../../../controller/engine/turn/inputs.ts';
import type { FarmState } from '../../../controller/engine/turn/state.ts';
import type { Batch, Epoch } from '../../../controller/store/port.ts';
import type { Assign, ControllerMessage } from '../../../proto/agent-link.ts';
import type { Connection } from '../connection.ts';
import type { SimDisk } from '../sim-disk.ts';
import type { SimItem } from '../sim-item.ts';
import type { Published } from '../sim-share.ts';
import type { SimWork } from '../sim-work.ts';

/** What a referee sees of an agent. */
export interface SeenAgent {
  readonly options: { readonly machine: string; readonly agentId: string; readonly slots: number };
  readonly works: ReadonlyMap<string, SimWork>;
  readonly items: ReadonlyMap<string, SimItem>;
  readonly state: CoreState | undefined;
}

export type Change = Pick<Batch, 'upserts' | 'deletes'>;

/**
 * One property, kept in a book: it hears what becomes durable, is taken, sent, published or told, and knows what must
 * never be. Nothing here knows how a mutant works.
 */
export interface Book {
  /** A leader was given a term. */
  led?(epoch: Epoch): void;
  /** A batch is durable. */
  committed?(change: Change, epoch: Epoch): void;
  /** The store lost its last batches. */
  tailLost?(disk: SimDisk): void;
  /** A leader begins with this memory. */
  controllerStarted?(controller: string, state: FarmState): void;
  /** A controller's turn takes an input. */
  taken?(controller: string, input: Input): void;
  /** A message leaves a controller. */
  sent?(connection: Connection, message: ControllerMessage): void;
  /** A file got its final name. */
  published?(published: Published): void;
  /** An attempt begins to work. */
  started?(agentId: string, assign: Assign): void;
  /** An agent's core has moved. */
  agentStepped?(agent: SeenAgent): void;
  /** An agent's process is gone. */
  agentGone?(agent: SeenAgent): void;
}
