import { keyOf } from '../../agent/core/journal-fold.ts';
import type { Input } from '../../controller/engine/turn/inputs.ts';
import type { AgentMessage, ControllerMessage, Hello } from '../../proto/agent-link.ts';
import type { World } from './world.ts';

type Said = Exclude<AgentMessage, Hello>;

interface Page {
  readonly agentId: string;
  readonly hello: Hello;
  readonly taken: Set<string>;
}

/**
 * The slots of every agent, kept from what was said on the wire alone: one is taken by an Assign, and free when the
 * agent has said that this very attempt (job and fence) was declined, encoded its last frame or ended.
 */
export class SlotBook {
  readonly #world: World;
  readonly #slotsOf: (agentId: string) => number;
  readonly #pages = new Map<string, Page>();

  constructor(world: World, slotsOf: (agentId: string) => number) {
    this.#world = world;
    this.#slotsOf = slotsOf;
  }

  taken(input: Input): void {
    if (input.kind === 'attach') {
      const { hello, sessionId } = input;
      this.#pages.set(sessionId, { agentId: hello.agentId, hello, taken: new Set() });
    }
    if (input.kind === 'stream-ended') this.#pages.delete(input.sessionId);
    if (input.kind === 'message') this.#said(input.sessionId, input.message);
  }

  /** Whose events a session's numbers count. */
  journalOf(sessionId: string): string {
    return this.#pages.get(sessionId)?.hello.journalId ?? sessionId;
  }

  sent(sessionId: string, message: ControllerMessage): void {
    const page = this.#pages.get(sessionId);
    if (page === undefined) return;
    if (message.kind === 'welcome') {
      for (const { ref, decision } of message.verdicts) {
        const held = page.hello.held.find((one) => keyOf(one.ref) === keyOf(ref));
        if (decision.verdict === 'keep' && (held?.state === 'preparing' || held?.state === 'running'))
          page.taken.add(keyOf(ref));
      }
    }
    if (message.kind !== 'assign') return;
    page.taken.add(keyOf(message.ref));
    if (page.taken.size > this.#slotsOf(page.agentId))
      this.#world.violated('slots exceeded', `${page.agentId} was given ${[...page.taken].join(', ')}`);
  }

  #said(sessionId: string, message: Said): void {
    const taken = this.#pages.get(sessionId)?.taken;
    if (taken === undefined) return;
    if (message.kind === 'assignment-reply' && !message.accepted) taken.delete(keyOf(message.ref));
    if (message.kind === 'event' && message.event.type !== 'started' && message.event.type !== 'segment-done')
      taken.delete(keyOf(message.ref));
    if (message.kind === 'goodbye') for (const ref of message.givesBack) taken.delete(keyOf(ref));
  }
}
