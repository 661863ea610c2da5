import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DestinationName } from '../../controller/domain/outbox.ts';

/** What the process is started with. */
export interface Start {
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'redis'; readonly path: string };
  /** Where it tells what. */
  readonly url: string;
  readonly destinations: readonly DestinationName[];
}

export interface Asked {
  readonly id: number;
  readonly verb: 'submit' | 'cancel' | 'rows';
  readonly n: number;
}

/** One job, as a destination hears of it. */
export interface Told {
  readonly name: DestinationName;
  readonly jobId: string;
  readonly state: string;
  readonly revision: string;
}

const main = fileURLToPath(new URL('./telling-main.ts', import.meta.url));
/** A process that does not answer after this never will. */
const answerMs = 20_000;

/** A leader in a process of its own; killed with the test. */
export class TellingProcess {
  readonly #child: ChildProcess;
  readonly #answers = new EventEmitter();
  #asked = 0;
  #serving = false;

  constructor(t: TestContext, start: Start) {
    this.#child = fork(main, [JSON.stringify(start)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    // Every question that is open listens.
    this.#answers.setMaxListeners(0);
    this.#child.on('message', (message: { id?: number; value?: unknown; serving?: boolean }) => {
      if (message.serving === undefined) this.#answers.emit(String(message.id), message.value);
      else this.#serving = message.serving;
      this.#answers.emit('any');
    });
    t.after(() => this.end('SIGKILL'));
  }

  /** Resolves when it leads. */
  async leads(): Promise<void> {
    const signal = AbortSignal.timeout(answerMs);
    while (!this.#serving) await once(this.#answers, 'any', { signal });
  }

  async ask(verb: Asked['verb'], n = 0): Promise<unknown> {
    const id = ++this.#asked;
    const answered = once(this.#answers, String(id), { signal: AbortSignal.timeout(answerMs) });
    this.#child.send({ id, verb, n } satisfies Asked);
    const [value] = (await answered) as [unknown];
    const error = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
    assert.equal(error, undefined, `${verb} ${n}`);
    return value;
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}
