import type { FarmSettings } from '../../controller/domain/settings.ts';
import type { Effect, Input, Reply } from '../../controller/engine/turn/inputs.ts';
import { stateFrom } from '../../controller/engine/turn/records.ts';
import type { FarmState } from '../../controller/engine/turn/state.ts';
import { nextDeadlineMs, type Turned } from '../../controller/engine/turn/turn.ts';
import type { AgentMessage } from '../../proto/agent-link.ts';
import type { Connection, End } from './connection.ts';
import type { Referee } from './referee.ts';
import type { SimStore } from './sim-store.ts';
import type { Timer } from './virtual-clock.ts';
import type { World } from './world.ts';

interface Session {
  readonly sessionId: string;
  readonly connection: Connection;
  attached: boolean;
  endedEarly: 'goodbye' | 'closed' | undefined;
  saidGoodbye: boolean;
}

/** Where a crash that is biased to the moments around a write strikes. */
export type CrashPoint = 'before-commit' | 'after-commit' | 'after-effects';

const tickMs = 2_000;

/** The shell around the real turn, as controller/engine/writer.ts is: one turn at a time, group commit, a tick. */
export class SimController {
  readonly #world: World;
  readonly #settings: FarmSettings;
  readonly #store: SimStore;
  readonly #referee: Referee;
  #state: FarmState | undefined;
  #inbox: Input[] = [];
  #busy = false;
  #life = 0;
  #tick: Timer | undefined;
  #sessions = new Map<string, Session>();
  #replies = new Map<string, (reply: Reply) => void>();
  #nextId = 0;
  crashPoint: CrashPoint | undefined;
  frozenUntilMs = 0;

  constructor(world: World, settings: FarmSettings, store: SimStore, referee: Referee) {
    this.#world = world;
    this.#settings = settings;
    this.#store = store;
    this.#referee = referee;
  }

  /** Memory, while the process runs. */
  get state(): FarmState | undefined {
    return this.#state;
  }

  get isUp(): boolean {
    return this.#state !== undefined;
  }

  start(): void {
    const loaded = this.#store.load();
    const epoch = { term: this.#store.lead(), leaderId: `leader-${++this.#nextId}` };
    this.#state = stateFrom(loaded, epoch);
    this.#referee.controllerStarted(this.#state);
    this.#world.note('controller', () => `leads term ${epoch.term}`);
    this.#finish(this.#world.parts.beginRecovery(this.#state, this.#settings, this.#moment()));
  }

  /** Killed: memory is gone; the streams are cut. Without power nobody is told. */
  crash(told: boolean): void {
    if (!this.isUp) return;
    this.#life += 1;
    this.#state = undefined;
    this.#inbox = [];
    this.#busy = false;
    this.crashPoint = undefined;
    if (this.#tick) this.#tick.cancelled = true;
    this.#store.crash();
    for (const { connection } of this.#sessions.values()) connection.gone('controller', told);
    this.#sessions = new Map();
    this.#replies = new Map();
    this.#world.after(this.#world.random.between(500, 20_000), () => this.start());
  }

  /** A caller's request; no reply comes from a process that dies. */
  ask(input: (replyId: string) => Input, reply: (reply: Reply) => void): void {
    if (!this.isUp) return;
    const replyId = `r${++this.#nextId}`;
    this.#replies.set(replyId, reply);
    this.#push(input(replyId));
  }

  /** The controller's end of a new connection. */
  accept(connection: () => Connection): End<AgentMessage> {
    const life = this.#life;
    let session: Session | undefined;
    return {
      received: (message) => {
        if (life !== this.#life || !this.isUp) connection().gone('controller', true);
        else if (message.kind === 'hello') session = this.#open(connection(), message);
        else if (session !== undefined) this.#deliver(session, message);
      },
      closed: () => {
        if (life === this.#life && session !== undefined)
          this.#closed(session, session.saidGoodbye ? 'goodbye' : 'closed');
      },
    };
  }

  #open(connection: Connection, hello: Extract<AgentMessage, { kind: 'hello' }>): Session {
    const sessionId = `s${++this.#nextId}`;
    const session = { sessionId, connection, attached: false, endedEarly: undefined, saidGoodbye: false };
    this.#sessions.set(sessionId, session);
    this.#push({ kind: 'attach', replyId: sessionId, sessionId, hello });
    return session;
  }

  #deliver(session: Session, message: Exclude<AgentMessage, { kind: 'hello' }>): void {
    session.saidGoodbye ||= message.kind === 'goodbye';
    this.#push({ kind: 'message', sessionId: session.sessionId, message });
  }

  #closed(session: Session, how: 'goodbye' | 'closed'): void {
    this.#sessions.delete(session.sessionId);
    if (session.attached) this.#push({ kind: 'stream-ended', sessionId: session.sessionId, how });
    else session.endedEarly = how;
  }

  #push(input: Input): void {
    this.#inbox.push(input);
    this.#turn();
  }

  #turn(): void {
    if (this.#state === undefined || this.#busy || this.#inbox.length === 0) return;
    if (this.frozenUntilMs > this.#world.nowMs) return;
    const inputs = this.#inbox;
    this.#inbox = [];
    for (const input of inputs) this.#referee.taken(input);
    this.#finish(this.#world.parts.turn(this.#state, this.#settings, inputs, this.#moment()));
  }

  #finish(turned: Turned): void {
    const life = this.#life;
    const alive = () => life === this.#life;
    const leave = () => {
      if (!alive()) return;
      const frozenMs = this.frozenUntilMs - this.#world.nowMs;
      if (frozenMs > 0) {
        this.#world.after(frozenMs, leave);
        return;
      }
      if (this.#strikes('after-commit')) return;
      for (const effect of turned.effects) this.#perform(effect);
      if (this.#strikes('after-effects')) return;
      this.#busy = false;
      this.#planTick();
      this.#turn();
    };
    if (turned.upserts.length === 0 && turned.deletes.length === 0) {
      leave();
      return;
    }
    this.#busy = true;
    if (this.#strikes('before-commit')) return;
    const begunMs = this.#world.nowMs;
    const away = this.#store.awayUntilMs > begunMs;
    this.#world.parts.afterCommit((durable) => {
      this.#store.commit(turned, () => {
        if (alive()) this.#noteOutage(away, begunMs);
        durable();
      });
    }, leave);
  }

  #noteOutage(away: boolean, begunMs: number): void {
    const ms = this.#world.nowMs - begunMs;
    if (away && ms > this.#settings.times.storageOutageMs)
      this.#inbox.unshift({ kind: 'outage', what: `the store was away for ${ms} ms` });
  }

  /** A crash that waits for this moment happens now. */
  #strikes(point: CrashPoint): boolean {
    if (this.crashPoint !== point) return false;
    this.#world.fault('controller-crash', point);
    this.crash(this.#world.random.chance(0.7));
    return true;
  }

  #planTick(): void {
    if (this.#state === undefined) return;
    if (this.#tick) this.#tick.cancelled = true;
    const { nowMs } = this.#world;
    const dueMs = Math.max(nowMs, Math.min(nowMs + tickMs, nextDeadlineMs(this.#state, this.#settings)));
    this.#tick = this.#world.after(dueMs - nowMs, () => this.#ticked(dueMs));
  }

  #ticked(dueMs: number): void {
    const frozenMs = this.frozenUntilMs - this.#world.nowMs;
    if (frozenMs > 0) {
      this.#tick = this.#world.after(frozenMs, () => this.#ticked(dueMs));
      return;
    }
    if (this.#world.nowMs - dueMs > this.#settings.times.loopStallMs)
      this.#inbox.unshift({ kind: 'outage', what: 'stalled' });
    this.#push({ kind: 'tick' });
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'reply':
        this.#reply(effect.replyId, effect.reply);
        return;
      case 'send':
        this.#referee.sent(effect.sessionId, effect.message);
        this.#sessions.get(effect.sessionId)?.connection.toAgent(effect.message);
        return;
      case 'end-session':
        this.#endSession(effect.sessionId, effect.goodbye);
        return;
      case 'job-changed':
        return;
      case 'log':
        this.#world.note('controller', () => `${effect.event} ${JSON.stringify(effect.fields)}`);
        this.#referee.logged(effect.event, effect.fields);
        return;
    }
  }

  #reply(replyId: string, reply: Reply): void {
    const session = this.#sessions.get(replyId);
    if (session === undefined) {
      this.#replies.get(replyId)?.(reply);
      this.#replies.delete(replyId);
      return;
    }
    session.attached = reply.kind === 'attached';
    if (!session.attached) session.connection.closeBy('controller');
  }

  #endSession(sessionId: string, goodbye: Extract<Effect, { kind: 'end-session' }>['goodbye']): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    this.#sessions.delete(sessionId);
    session.connection.toAgent(goodbye);
    session.connection.closeBy('controller');
    this.#inbox.push({ kind: 'stream-ended', sessionId, how: 'ours' });
  }

  #moment() {
    return { nowMs: this.#world.nowMs, random: () => this.#world.random.next() };
  }
}
