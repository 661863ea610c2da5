import { keyOf } from '../../../agent/core/journal-fold.ts';
import type { AttemptRecord } from '../../../controller/domain/attempt.ts';
import type { JobRecord } from '../../../controller/domain/job.ts';
import type { Epoch } from '../../../controller/store/port.ts';
import { sameEpoch } from '../../../controller/store/port.ts';
import type { ControllerMessage, Fence } from '../../../proto/agent-link.ts';
import { fenceText } from '../../../proto/agent-link.ts';
import type { Connection } from '../connection.ts';
import type { World } from '../world.ts';
import type { Book, Change, SeenAgent } from './book.ts';

/** Terms and fences are issued once; only the present leader writes; what leaves was written before (rule 5). */
export class TermBook implements Book {
  readonly #world: World;
  readonly #terms = new Map<number, string>();
  readonly #fences = new Map<string, string>();
  /** Everything that was ever durable: a lost tail was durable too, as far as its leader could know. */
  readonly #attempts = new Set<string>();
  readonly #grants = new Set<string>();
  readonly #seenTerms = new Map<string, number>();
  #epoch: Epoch | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  led(epoch: Epoch): void {
    const before = this.#terms.get(epoch.term);
    if (before !== undefined)
      this.#world.violated('a term is issued once', `${epoch.term} to ${before} and to ${epoch.leaderId}`);
    this.#terms.set(epoch.term, epoch.leaderId);
    this.#epoch = epoch;
  }

  committed({ upserts }: Change, epoch: Epoch): void {
    if (this.#epoch === undefined || !sameEpoch(this.#epoch, epoch))
      this.#world.violated('only the leader writes', `${epoch.leaderId} wrote in term ${epoch.term}`);
    for (const { kind, body } of upserts) {
      if (kind === 'attempt') {
        const attempt = body as AttemptRecord;
        this.#attempts.add(keyOf(attempt));
        this.#issued(attempt.fence, attempt.jobId);
      }
      const { grant, jobId } = kind === 'job' ? (body as JobRecord) : {};
      if (grant !== undefined && jobId !== undefined) this.#grants.add(keyOf({ jobId, fence: grant.fence }));
    }
  }

  sent(_connection: Connection, message: ControllerMessage): void {
    if (message.kind === 'publish-grant' && !this.#grants.has(keyOf(message.ref)))
      this.#world.violated('sent before it was durable', `the grant of ${keyOf(message.ref)}`);
    if (message.kind !== 'assign') return;
    this.#issued(message.ref.fence, message.ref.jobId);
    if (!this.#attempts.has(keyOf(message.ref)))
      this.#world.violated('sent before it was durable', `the assignment of ${keyOf(message.ref)}`);
  }

  /** An agent obeys nobody who leads by an older term than it has seen. */
  agentStepped({ options, state }: SeenAgent): void {
    const farm = state?.journal.farm;
    if (farm === undefined) return;
    const name = `${state?.settings.instanceId ?? options.machine} ${farm.farmId}`;
    if (farm.term < (this.#seenTerms.get(name) ?? 0))
      this.#world.violated('an agent never goes back to an older leader', `${name}: term ${farm.term}`);
    this.#seenTerms.set(name, farm.term);
  }

  #issued(fence: Fence, jobId: string): void {
    const before = this.#fences.get(fenceText(fence)) ?? jobId;
    this.#fences.set(fenceText(fence), before);
    if (before !== jobId)
      this.#world.violated('a fence is issued once', `${fenceText(fence)} to ${before} and to ${jobId}`);
  }
}
