import { randomUUID } from 'node:crypto';
import type { FileSeen, FilesSeen, LookAtFiles } from '../../../proto/file-link.ts';
import { lookFilesMax } from '../../../proto/file-link.ts';
import { FarmError } from '../../domain/errors.ts';
import type { Clock } from '../ports.ts';
import { FileDesk, type LookAgent, type WantedFile } from './file-desk.ts';
import { type FileAnswer, Inquiry, type OpenFile } from './inquiry.ts';

export interface FileLooksOptions {
  readonly clock: Clock;
  /** One question is answered within this, or its agent is not asked for a while. */
  readonly askMs: number;
  readonly silentMs: number;
  /** An agent that had no time is asked again after this. */
  readonly restMs: number;
  /** Sends on that stream. */
  readonly send: (sessionId: string, message: LookAtFiles) => void;
}

interface Ask {
  readonly inquiry: Inquiry;
  readonly files: readonly OpenFile[];
  readonly desk: FileDesk;
  readonly cancelTimer: () => void;
}

/** Files of all verifies that may be without an answer at a time: 25 of the largest jobs. */
const openFilesMax = 50_000;
/** Characters of paths in one message: what an agent's stream carries for its jobs is not held up. */
const pathsCharactersMax = 32 * 1024;
/** Of an ask's time; the rest is the way there and back. */
const workShare = 0.8;
/** Times that one agent may have no time for a file. */
const postponedMax = 3;

/**
 * Asks agents about files, for verifies: each agent a few files at a time, the verifies by turns. Whoever is silent, or has
 * left, is not waited for: another agent is asked, and where there is none the answer is that nobody knows. What one agent
 * finds missing or bad is asked of one other. Nothing of it is kept; it lives as long as its reign.
 */
export class FileLooks {
  readonly #options: FileLooksOptions;
  readonly #desks = new Map<string, FileDesk>();
  readonly #asks = new Map<string, Ask>();
  /** Those whose turn it is stand first. */
  #inquiries: Inquiry[] = [];
  #openFiles = 0;
  readonly #rests = new Set<() => void>();

  constructor(options: FileLooksOptions) {
    this.#options = options;
  }

  /** Questions that no agent has answered yet. */
  get underway(): number {
    return this.#asks.size;
  }

  /**
   * What is known of these files after `limitMs` at most; each path is there once.
   * @param agents Those that can be asked now.
   * @throws FarmError TOO_MANY_REQUESTS
   */
  look(
    files: readonly WantedFile[],
    agents: readonly LookAgent[],
    limitMs: number,
  ): Promise<ReadonlyMap<string, FileAnswer>> {
    const { clock } = this.#options;
    if (files.length === 0) return Promise.resolve(new Map());
    if (this.#openFiles + files.length > openFilesMax) {
      const message = `${this.#openFiles} files of other jobs are being looked at; at most ${openFilesMax} may be`;
      return Promise.reject(new FarmError('TOO_MANY_REQUESTS', message, { retryAfterMs: 5_000 }));
    }
    this.#openFiles += files.length;
    return new Promise((resolve) => {
      const inquiry = new Inquiry(files, clock.nowMs() + limitMs, (answers) => {
        cancelTimer();
        this.#openFiles -= files.length;
        this.#inquiries = this.#inquiries.filter((each) => each !== inquiry);
        resolve(answers);
      });
      const late = `no agent had looked at it after ${Math.round(limitMs / 1_000)} s`;
      const cancelTimer = clock.after(limitMs, () => this.#endLate(inquiry, late));
      this.#inquiries.push(inquiry);
      this.#meet(agents);
      this.#giveUpHopeless();
      this.#askAll();
    });
  }

  /** An agent has answered; what nobody asked, or nobody waits for any more, is not listened to. */
  answered(sessionId: string, { lookId, files }: FilesSeen): void {
    const ask = this.#asks.get(lookId);
    if (ask?.desk.agent.sessionId !== sessionId) return;
    this.#close(lookId, ask);
    const nothing = files.every(({ state }) => state === 'not-looked');
    if (nothing) this.#rest(ask.desk);
    for (const [index, file] of ask.files.entries()) this.#take(ask, file, files[index] ?? noAnswer);
    this.#askAll();
  }

  /** A stream has ended. */
  left(sessionId: string): void {
    const desk = [...this.#desks.values()].find(({ agent }) => agent.sessionId === sessionId);
    if (desk !== undefined) this.#dismiss(desk, 'has left');
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const [lookId, ask] of this.#asks) this.#close(lookId, ask);
    for (const inquiry of [...this.#inquiries]) inquiry.end('the controller stops');
    for (const cancel of this.#rests) cancel();
    this.#rests.clear();
    this.#desks.clear();
  }

  #meet(agents: readonly LookAgent[]): void {
    for (const desk of [...this.#desks.values()]) {
      const { agentId, sessionId } = desk.agent;
      if (!agents.some((one) => one.agentId === agentId && one.sessionId === sessionId))
        this.#dismiss(desk, 'has left');
    }
    for (const agent of agents) {
      const known = this.#desks.get(agent.agentId);
      if (known === undefined) this.#desks.set(agent.agentId, new FileDesk(agent));
      else known.agent = agent;
    }
  }

  #dismiss(desk: FileDesk, why: string): void {
    this.#desks.delete(desk.agent.agentId);
    for (const [lookId, ask] of this.#asks) {
      if (ask.desk !== desk) continue;
      this.#close(lookId, ask);
      this.#unanswered(ask, `${desk.agent.agentId} ${why}`);
    }
    this.#giveUpHopeless();
    this.#askAll();
  }

  #askAll(): void {
    const { clock } = this.#options;
    for (const desk of this.#desks.values()) {
      while (desk.isFree(clock.nowMs()) && this.#askNext(desk)) {
        // Until it has enough to do, or nobody wants to know anything of it.
      }
    }
  }

  #askNext(desk: FileDesk): boolean {
    for (const inquiry of this.#inquiries) {
      const files = inquiry.takeFor(desk.agent, lookFilesMax, pathsCharactersMax);
      if (files.length === 0) continue;
      this.#inquiries = [...this.#inquiries.filter((each) => each !== inquiry), inquiry];
      this.#ask(desk, inquiry, files);
      return true;
    }
    return false;
  }

  #ask(desk: FileDesk, inquiry: Inquiry, files: readonly OpenFile[]): void {
    const { clock, askMs, send } = this.#options;
    const lookId = randomUUID();
    const cancelTimer = clock.after(askMs, () => this.#unheard(lookId));
    desk.underway += 1;
    this.#asks.set(lookId, { inquiry, files, desk, cancelTimer });
    const paths = files.map(({ path }) => path);
    send(desk.agent.sessionId, {
      kind: 'look-at-files',
      lookId,
      paths,
      limitMs: Math.round(askMs * workShare),
    });
  }

  #close(lookId: string, { desk, cancelTimer }: Ask): void {
    cancelTimer();
    this.#asks.delete(lookId);
    desk.underway -= 1;
  }

  /** It may be busy or gone: for a while nobody waits for it. */
  #unheard(lookId: string): void {
    const ask = this.#asks.get(lookId);
    if (ask === undefined) return;
    const { clock, silentMs } = this.#options;
    this.#close(lookId, ask);
    ask.desk.silentUntilMs = clock.nowMs() + silentMs;
    this.#unanswered(ask, `${ask.desk.agent.agentId} has not answered`);
    this.#giveUpHopeless();
    this.#askAll();
  }

  #unanswered({ inquiry, files, desk }: Ask, why: string): void {
    if (!this.#inquiries.includes(inquiry)) return;
    for (const file of files) {
      file.asked.add(desk.agent.agentId);
      file.why = why;
      this.#passOn(inquiry, file);
    }
  }

  #take({ inquiry, desk }: Ask, file: OpenFile, seen: FileSeen): void {
    if (!this.#inquiries.includes(inquiry)) return;
    const { agentId } = desk.agent;
    switch (seen.state) {
      case 'readable': {
        const { bad } = file;
        const dissent =
          bad && `${bad.agentId} cannot read it (${bad.seen.message ?? bad.seen.state}); ${agentId} can`;
        inquiry.settle(file, { seen, agentId, ...(dissent !== undefined && { dissent }) });
        return;
      }
      case 'missing':
      case 'denied':
      case 'unusable':
        file.asked.add(agentId);
        if (file.bad !== undefined) inquiry.settle(file, file.bad);
        else {
          file.bad = { agentId, seen };
          this.#passOn(inquiry, file);
        }
        return;
      case 'not-looked':
      case 'unreachable':
        file.why = `${agentId}: ${seen.message ?? seen.state}`;
        file.postponed += 1;
        if (seen.state === 'unreachable' || file.postponed >= postponedMax) file.asked.add(agentId);
        this.#passOn(inquiry, file);
    }
  }

  /** To the next agent, where there is one. */
  #passOn(inquiry: Inquiry, file: OpenFile): void {
    if (this.#isHopeful(file)) inquiry.putBack(file);
    else inquiry.settle(file, file.bad ?? { unknown: this.#whyNobody(file) });
  }

  #giveUpHopeless(): void {
    for (const inquiry of [...this.#inquiries]) {
      for (const file of inquiry.takeWhere((each) => !this.#isHopeful(each))) this.#passOn(inquiry, file);
    }
  }

  #isHopeful(file: OpenFile): boolean {
    const nowMs = this.#options.clock.nowMs();
    for (const desk of this.#desks.values()) {
      if (desk.reaches(file.share, nowMs) && !file.asked.has(desk.agent.agentId)) return true;
    }
    return false;
  }

  #whyNobody({ share, why }: OpenFile): string {
    if (why !== undefined) return why;
    const silent = [...this.#desks.values()].find(({ agent }) => agent.shares.has(share));
    if (silent !== undefined) return `${silent.agent.agentId} has not answered of late`;
    return `no agent that mounts share ${share} and can look at files is attached`;
  }

  #rest(desk: FileDesk): void {
    const { clock, restMs } = this.#options;
    desk.restsUntilMs = clock.nowMs() + restMs;
    const cancel = clock.after(restMs, () => {
      this.#rests.delete(cancel);
      this.#askAll();
    });
    this.#rests.add(cancel);
  }

  #endLate(inquiry: Inquiry, unknown: string): void {
    for (const ask of this.#asks.values()) {
      if (ask.inquiry === inquiry) for (const file of ask.files) inquiry.putBack(file);
    }
    inquiry.end(unknown);
  }
}

/** An agent that answers for fewer files than it was asked about. */
const noAnswer: FileSeen = { state: 'not-looked', message: 'it gave no answer' };
