import { itemKey } from '../../../agent/core/items.ts';
import { keyOf } from '../../../agent/core/journal-fold.ts';
import type { Input } from '../../../controller/engine/turn/inputs.ts';
import type { FarmState } from '../../../controller/engine/turn/state.ts';
import { type ControllerMessage, compareFences } from '../../../proto/agent-link.ts';
import type { ItemRef } from '../../../proto/item-link.ts';
import type { Connection } from '../connection.ts';
import type { World } from '../world.ts';
import type { Book } from './book.ts';

/** A right as it stands on the wire. */
interface Right {
  readonly item: ItemRef;
  readonly connection: Connection;
  /** Since when its attempt is seen to be over, and by how many turns. */
  over?: { readonly sinceMs: number; turns: number };
}

/** What a turn says leaves when it is committed, and while that takes there is no other turn. */
const toldWithin = { ms: 8_000, turns: 5 };

/**
 * Rights to items, kept from what was said on the wire: one begins with AssignItem, and ends with CancelItem, with the
 * helper's word, with the owner's hearing that it ended, or with the stream or the controller that it was given by.
 */
export class ItemBook implements Book {
  readonly #world: World;
  readonly #rights = new Map<string, Right>();
  readonly #sessions = new WeakMap<Connection, string>();
  readonly #agents = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  sent(connection: Connection, message: ControllerMessage): void {
    if (message.kind === 'welcome') this.#sessions.set(connection, message.sessionId);
    if (message.kind === 'assign-item') this.#begin(connection, message.item);
    if (message.kind === 'cancel-item' || message.kind === 'item-ended')
      this.#rights.delete(itemKey(message.item));
  }

  taken(_controller: string, input: Input): void {
    if (input.kind === 'message' && input.message.kind === 'item-finished')
      this.#rights.delete(itemKey(input.message.item));
    if (input.kind === 'message' && input.message.kind === 'items-reclaimed') {
      const { ref, positions } = input.message;
      for (const [key, { item }] of this.#rights)
        if (keyOf(item.ref) === keyOf(ref) && positions.includes(item.position)) this.#rights.delete(key);
    }
    if (input.kind === 'stream-ended') this.#end(input.sessionId);
    if (input.kind === 'attach') this.#endOfAgent(input.hello.agentId, input.sessionId);
  }

  controllerStarted(): void {
    this.#rights.clear();
  }

  /** Looks whether the attempts of all rights still hold their jobs. */
  turned(_controller: string, state: FarmState): void {
    for (const right of this.#rights.values()) {
      const { ref } = right.item;
      const fence = state.jobs.get(ref.jobId)?.fence;
      const isAlive = fence !== undefined && compareFences(fence, ref.fence) === 0;
      if (isAlive) continue;
      right.over ??= { sinceMs: this.#world.nowMs, turns: 0 };
      right.over.turns += 1;
      if (right.over.turns > toldWithin.turns && this.#world.nowMs - right.over.sinceMs > toldWithin.ms)
        this.#world.violated('a right ends with its fence', itemKey(right.item));
    }
  }

  #begin(connection: Connection, item: ItemRef): void {
    for (const other of this.#rights.values()) {
      if (keyOf(other.item.ref) === keyOf(item.ref) && other.item.position === item.position)
        this.#world.violated('one right to one item', `${itemKey(other.item)} and ${itemKey(item)}`);
    }
    this.#rights.set(itemKey(item), { item, connection });
  }

  #end(sessionId: string): void {
    this.#agents.delete(sessionId);
    for (const [key, { connection }] of this.#rights)
      if (this.#sessions.get(connection) === sessionId) this.#rights.delete(key);
  }

  /** A new stream of an agent ends the old one's rights, whether that is heard to end or not. */
  #endOfAgent(agentId: string, sessionId: string): void {
    for (const [session, agent] of this.#agents) if (agent === agentId) this.#end(session);
    this.#agents.set(sessionId, agentId);
  }
}
