import type { Input } from '../../../controller/engine/turn/inputs.ts';
import type { Hello, JournalEvent } from '../../../proto/agent-link.ts';
import type { World } from '../world.ts';
import type { Book } from './book.ts';

/** Numbered events: durable before they are sent, and every number means one event for ever. */
export class JournalBook implements Book {
  readonly #world: World;
  readonly #journals = new Map<string, string>();
  readonly #events = new Map<string, string>();
  readonly #heard = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  taken(_controller: string, input: Input): void {
    if (input.kind === 'attach') {
      this.#journals.set(input.sessionId, input.hello.journalId);
      this.#remembers(input.hello);
    }
    if (input.kind === 'message' && input.message.kind === 'event')
      this.#sameEvent(this.#journals.get(input.sessionId) ?? input.sessionId, input.message);
  }

  #sameEvent(journalId: string, event: JournalEvent): void {
    const key = `${journalId}#${event.number}`;
    const text = JSON.stringify([event.ref, event.event]);
    const before = this.#events.get(key) ?? text;
    this.#events.set(key, text);
    this.#heard.set(journalId, Math.max(event.number, this.#heard.get(journalId) ?? 0));
    if (before !== text)
      this.#world.violated('event numbers are used once', `${key}: ${before}, then ${text}`);
  }

  #remembers({ agentId, journalId, lastEvent }: Hello): void {
    const heard = this.#heard.get(journalId) ?? 0;
    if (lastEvent < heard)
      this.#world.violated(
        'what was sent is durable',
        `${agentId} sent event ${heard} of ${journalId}, which now ends at ${lastEvent}`,
      );
  }
}
