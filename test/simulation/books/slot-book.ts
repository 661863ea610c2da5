import { itemKey } from '../../../agent/core/items.ts';
import { keyOf } from '../../../agent/core/journal-fold.ts';
import type { Input } from '../../../controller/engine/turn/inputs.ts';
import type { AgentMessage, ControllerMessage, Hello } from '../../../proto/agent-link.ts';
import type { ItemRef } from '../../../proto/item-link.ts';
import type { Connection } from '../connection.ts';
import type { World } from '../world.ts';
import type { Book, SeenAgent } from './book.ts';

type Said = Exclude<AgentMessage, Hello>;

interface Page {
  readonly hello: Hello;
  readonly taken: Set<string>;
}

/**
 * The slots of every agent, kept from what was said on the wire alone: one is taken by an Assign, and free when the
 * agent has said that this very attempt (job and fence) was declined, encoded its last frame or ended. And kept from
 * the works themselves.
 */
export class SlotBook implements Book {
  readonly #world: World;
  readonly #slotsOf: (agentId: string) => number;
  readonly #pages = new Map<string, Page>();
  /** Attempts of which their agents have said that they ended. */
  readonly #ended = new Set<string>();
  readonly #byConnection = new WeakMap<Connection, Page>();

  constructor(world: World, slotsOf: (agentId: string) => number) {
    this.#world = world;
    this.#slotsOf = slotsOf;
  }

  taken(_controller: string, input: Input): void {
    if (input.kind === 'attach') {
      const { hello } = input;
      this.#pages.set(input.sessionId, { hello, taken: new Set(hello.heldItems?.map(itemWord)) });
    }
    if (input.kind === 'stream-ended') this.#pages.delete(input.sessionId);
    if (input.kind === 'message') this.#said(input.sessionId, input.message);
  }

  sent(connection: Connection, message: ControllerMessage): void {
    if (message.kind === 'welcome') {
      const page = this.#pages.get(message.sessionId);
      if (page === undefined) return;
      this.#byConnection.set(connection, page);
      for (const { ref, decision } of message.verdicts) {
        const held = page.hello.held.find((one) => keyOf(one.ref) === keyOf(ref));
        if (held?.state !== 'preparing' && held?.state !== 'running') continue;
        if (decision.verdict === 'keep') page.taken.add(keyOf(ref));
        if (decision.verdict === 'adopt') page.taken.add(keyOf({ ...ref, fence: decision.fence }));
      }
    }
    const page = this.#byConnection.get(connection);
    if (page === undefined) return;
    if (message.kind === 'assign-item') this.#take(page, itemWord(message.item));
    if (message.kind !== 'assign') return;
    // A store that lost its tail asks again for what has ended, and gets the old outcome.
    if (this.#ended.has(keyOf(message.ref))) return;
    this.#take(page, keyOf(message.ref));
  }

  #take({ taken, hello: { agentId } }: Page, what: string): void {
    taken.add(what);
    if (taken.size > this.#slotsOf(agentId))
      this.#world.violated('slots exceeded', `${agentId} was given ${[...taken].join(', ')}`);
  }

  agentStepped({ works, items, options }: SeenAgent): void {
    const used = [...works.values()].filter((work) => work.holdsSlot);
    if (used.length + items.size > options.slots)
      this.#world.violated(
        'slots exceeded',
        `${options.machine} runs ${used.length} attempts and ${items.size} items`,
      );
    const jobs = new Set(used.map(({ ref }) => ref.jobId));
    if (jobs.size < used.length)
      this.#world.violated('two attempts of a job on one agent', [...jobs].join(', '));
  }

  #said(sessionId: string, message: Said): void {
    const taken = this.#pages.get(sessionId)?.taken;
    if (taken === undefined) return;
    if (message.kind === 'event' && message.event.type === 'finished') this.#ended.add(keyOf(message.ref));
    if (message.kind === 'assignment-reply' && !message.accepted) taken.delete(keyOf(message.ref));
    if (message.kind === 'event' && message.event.type !== 'started' && message.event.type !== 'segment-done')
      this.#free(taken, message.ref.jobId, keyOf(message.ref));
    if (message.kind === 'item-finished') taken.delete(itemWord(message.item));
    if (message.kind === 'goodbye') for (const ref of message.givesBack) taken.delete(keyOf(ref));
  }

  /** Events written before an adoption still bear the old fence; an agent never holds two slots for one job. */
  #free(taken: Set<string>, jobId: string, key: string): void {
    if (taken.delete(key)) return;
    for (const other of taken) if (other.startsWith(`${jobId}/`)) taken.delete(other);
  }
}

/** Begins with no job's id: what is told of a job frees no item. */
function itemWord(item: ItemRef): string {
  return `item ${itemKey(item)}`;
}
