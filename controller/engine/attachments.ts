import { randomUUID } from 'node:crypto';
import type { AgentMessage, ControllerGoodbye, Hello } from '../../proto/agent-link.ts';
import { FarmError } from '../domain/errors.ts';
import type { AgentOutlet, AgentSession } from './farm.ts';
import { jsonBytes } from './inbox.ts';
import type { Clock } from './ports.ts';
import type { Replies } from './replies.ts';
import type { VerifyDesk } from './verify/verify-desk.ts';
import type { Writer } from './writer.ts';

/** A term more than a day ahead of the clock is no term of this farm (protocol.md, Identities). */
const termAheadMaxMs = 24 * 3_600_000;

/** The open streams, by session. */
export class Outlets {
  readonly #outlets = new Map<string, AgentOutlet>();

  open(sessionId: string, outlet: AgentOutlet): void {
    this.#outlets.set(sessionId, outlet);
  }

  get(sessionId: string): AgentOutlet | undefined {
    return this.#outlets.get(sessionId);
  }

  forget(sessionId: string): void {
    this.#outlets.delete(sessionId);
  }

  end(sessionId: string, goodbye: ControllerGoodbye): void {
    this.#outlets.get(sessionId)?.end(goodbye);
    this.#outlets.delete(sessionId);
  }

  /** We lead no longer: agents go on rendering, and look for whoever leads. */
  endAll(goodbye: () => ControllerGoodbye): void {
    for (const outlet of this.#outlets.values()) outlet.end(goodbye());
    this.#outlets.clear();
  }
}

interface Engine {
  readonly writer: Writer;
  readonly outlets: Outlets;
  readonly replies: Replies;
  readonly clock: Clock;
  /** Hears the answers of agents about files: no turn is needed for them. */
  readonly verifies: Pick<VerifyDesk, 'answered' | 'left'>;
}

/** Brings an agent's stream to the writer; resolves after its Welcome was sent. */
export async function attachAgent(engine: Engine, hello: Hello, outlet: AgentOutlet): Promise<AgentSession> {
  await checkTerm(engine, hello);
  const sessionId = randomUUID();
  engine.outlets.open(sessionId, outlet);
  try {
    await engine.replies.expect((replyId) =>
      engine.writer.inbox.push({ kind: 'attach', replyId, sessionId, hello }),
    );
  } catch (error) {
    engine.outlets.forget(sessionId);
    throw error;
  }
  return session(engine, sessionId);
}

async function checkTerm({ writer, clock }: Engine, hello: Hello): Promise<void> {
  const { farmId, term } = await writer.read((state) => ({ farmId: state.farmId, term: state.epoch.term }));
  if (hello.farmId !== farmId || hello.highestTerm <= term) return;
  if (hello.highestTerm > Math.max(term, clock.nowMs()) + termAheadMaxMs) {
    throw new FarmError(
      'TERM_TOO_HIGH',
      `agent ${hello.agentId} reports term ${hello.highestTerm}, more than a day ahead of ours (${term}): check the clocks`,
      { resource: { type: 'agent', name: hello.agentId } },
    );
  }
  writer.raiseTerm(hello.highestTerm);
}

function session({ writer, outlets, verifies }: Engine, sessionId: string): AgentSession {
  let over = false;
  return {
    sessionId,
    deliver(message) {
      if (over) return !writer.inbox.full;
      if (message.kind === 'files-seen') verifies.answered(sessionId, message);
      else writer.inbox.push({ kind: 'message', sessionId, message }, bytesOf(message));
      return !writer.inbox.full;
    },
    ready: () => writer.inbox.room(),
    ended(how) {
      if (over) return;
      over = true;
      outlets.forget(sessionId);
      verifies.left(sessionId);
      writer.inbox.push({ kind: 'stream-ended', sessionId, how });
    },
  };
}

/** Only an outcome can be large (its problems); it is kept with the attempt and with the job. */
function bytesOf(message: AgentMessage): number | undefined {
  const large = message.kind === 'event' && message.event.type === 'finished';
  return large ? 2 * jsonBytes(message.event) : undefined;
}
