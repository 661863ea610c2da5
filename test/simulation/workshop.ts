import type { OutputShare } from '../../agent/attempt/output-share.ts';
import type { Effect } from '../../agent/core/effects.ts';
import type { Input } from '../../agent/core/inputs.ts';
import { itemKey } from '../../agent/core/items.ts';
import { keyOf } from '../../agent/core/journal-fold.ts';
import type { AskSources, Assign, Inventory } from '../../proto/agent-link.ts';
import type { AssignItem } from '../../proto/item-link.ts';
import type { JobPlan } from './job-plan.ts';
import type { Referee } from './referee.ts';
import { SimItem } from './sim-item.ts';
import type { SimSegments } from './sim-segments.ts';
import type { Content, ShareUser, SimShare } from './sim-share.ts';
import { SimWork } from './sim-work.ts';
import type { World } from './world.ts';

export interface WorkshopOptions {
  readonly world: World;
  readonly share: SimShare;
  readonly user: ShareUser;
  readonly speed: number;
  readonly referee: Referee;
  readonly planOf: (jobId: string) => JobPlan;
  readonly segments?: SimSegments;
  /** Runs while the agent's process lives. */
  readonly later: (ms: number, run: () => void) => void;
  readonly whenAwake: (run: () => void) => () => void;
  readonly input: (input: Input) => void;
  readonly isSick: () => boolean;
  readonly kill: () => void;
}

type WorkEffect = Exclude<Effect, { type: 'send' | 'heartbeat' | 'reopen' | 'alarm' | 'exit' }>;

/** What an agent's core lets do: attempts, publications, prefetches and probes, as agent/agent-effects.ts does them. */
export class Workshop {
  readonly #options: WorkshopOptions;
  readonly #share: OutputShare;
  readonly #made = new Map<string, Content>();
  /** Jobs whose files lie in the cache. */
  readonly #fetched = new Set<string>();
  readonly #prefetching = new Set<string>();
  readonly works = new Map<string, SimWork>();
  /** Items of others' jobs. */
  readonly items = new Map<string, SimItem>();

  constructor(options: WorkshopOptions) {
    this.#options = options;
    this.#share = options.world.parts.shareSeen(options.share.seenBy(options.user, this.#made));
  }

  /** The process is gone: nothing of what it did goes on. */
  gone(): void {
    for (const work of this.works.values()) this.#options.referee.worked(work);
    this.works.clear();
    for (const item of this.items.values()) item.gone();
    this.items.clear();
    this.#made.clear();
    this.#prefetching.clear();
  }

  loseCache(): void {
    this.#fetched.clear();
  }

  /** As agent/host sees it. */
  sharesSeen(): Pick<Inventory, 'shares' | 'shareIds'> {
    const { share, user } = this.#options;
    if (share.isAwayFor(user.agentId)) return { shares: ['clips'], shareIds: [] };
    const id = share.identity;
    return { shares: ['clips', 'results'], shareIds: id === undefined ? [] : [{ share: 'results', id }] };
  }

  perform(effect: WorkEffect): void {
    const { world, input, later } = this.#options;
    const { parts } = world;
    switch (effect.type) {
      case 'start-attempt':
        this.#start(effect.assign);
        return;
      case 'stop-attempt':
        this.works.get(keyOf(effect.ref))?.stop(effect.mode, effect.graceMs);
        return;
      case 'adopt-attempt':
        this.#adopt(effect);
        return;
      case 'publish':
        this.#settle(parts.publish(this.#share, effect), (result) => ({
          type: 'publish-result',
          ref: effect.ref,
          result,
        }));
        return;
      case 'finish-publish':
        this.#settle(parts.finishPublish(this.#share, effect.request), (result) => ({
          type: 'finish-publish-result',
          ref: effect.request.ref,
          result,
        }));
        return;
      case 'annul-publish':
        this.#settle(parts.annulPublish(this.#share, effect.request), (result) => ({
          type: 'annul-publish-result',
          ref: effect.request.ref,
          result,
        }));
        return;
      case 'discard':
        this.#share.removeStaging(this.#share.locate(effect.stagingFolder).localPath).catch(() => undefined);
        return;
      case 'clean-up':
        this.#cleanUp(effect);
        return;
      case 'start-item':
        this.#startItem(effect.assign);
        return;
      case 'stop-item':
        this.items.get(itemKey(effect.item))?.stop();
        return;
      case 'release-items': {
        const { ref } = effect.ask;
        input({ type: 'items-released', ref, items: this.works.get(keyOf(ref))?.release(effect.ask) ?? [] });
        return;
      }
      case 'take-loose-items-back':
        for (const work of this.works.values()) work.takeLooseBack();
        return;
      case 'tell-owner':
        this.works.get(keyOf(effect.told.item.ref))?.told(effect.told);
        return;
      case 'look-at-sources':
        this.#lookAtSources(effect.ask);
        return;
      case 'look-at-files':
        input({ type: 'files', lookId: effect.ask.lookId, files: [] });
        return;
      case 'start-prefetch':
        this.#prefetch(effect.announce);
        return;
      case 'stop-prefetch':
        this.#prefetching.delete(effect.announcementId);
        return;
      case 'check-host':
        later(world.random.between(1_000, 10_000), () => this.#checked(effect.request.checkId));
        return;
      case 'probe-sessions':
        later(2_000, () => input({ type: 'sessions-probed', ok: true, detail: '' }));
        return;
    }
  }

  #start(assign: Assign): void {
    const { world, planOf, referee, speed, later, input, isSick, kill, segments } = this.#options;
    const { jobId } = assign.ref;
    referee.started(this.#options.user.agentId, assign);
    const work = new SimWork({
      ...{ world, assign, speed, later, isSick, kill },
      plan: planOf(jobId),
      share: this.#share,
      made: this.#made,
      ...(segments !== undefined && { segments }),
      reclaimed: (ref, positions, why) =>
        input({ type: 'items-reclaimed', ref, reclaimed: { positions, why } }),
      isFetched: this.#fetched.has(jobId),
      report: (report, ref) => input({ type: 'attempt', ref, report }),
    });
    this.#fetched.add(jobId);
    this.works.set(keyOf(assign.ref), work);
    work.start();
  }

  #startItem(assign: AssignItem): void {
    const { world, planOf, speed, later, input, isSick, kill, segments } = this.#options;
    if (segments === undefined) throw new Error('an item came where no segments are shared');
    const key = itemKey(assign.item);
    const item = new SimItem({
      ...{ world, assign, speed, segments, later, isSick, kill },
      plan: planOf(assign.item.ref.jobId),
      report: (report) => {
        this.items.delete(key);
        input({ type: 'item', item: assign.item, report });
      },
    });
    world.note(this.#options.user.agentId, () => `helps with ${key}`);
    this.items.set(key, item);
    item.start();
  }

  #adopt({ from, to }: Extract<Effect, { type: 'adopt-attempt' }>): void {
    const work = this.works.get(keyOf(from));
    if (work !== undefined) {
      this.works.delete(keyOf(from));
      work.adopted(to);
      this.works.set(keyOf(to), work);
    }
    this.#options.input({ type: 'attempt-adopted', ref: to });
  }

  #cleanUp({ assign, finished }: Extract<Effect, { type: 'clean-up' }>): void {
    const { referee, user } = this.#options;
    referee.cleanedUp(user.agentId, assign, finished);
    const work = this.works.get(keyOf(assign.ref));
    if (work !== undefined) referee.worked(work);
    this.works.delete(keyOf(assign.ref));
  }

  #lookAtSources({ jobId }: AskSources): void {
    const { later, input } = this.#options;
    const totalBytes = 1_000;
    later(50, () => {
      const isHere = this.#fetched.has(jobId);
      const presentBytes = isHere ? totalBytes : 0;
      input({
        type: 'sources',
        jobId,
        found: { totalBytes, presentBytes, presentSegments: 0, presentOutputMs: 0 },
      });
    });
  }

  #prefetch({ announcementId, jobId }: { readonly announcementId: string; readonly jobId: string }): void {
    const { planOf, later, input } = this.#options;
    this.#prefetching.add(announcementId);
    later(planOf(jobId).fetchMs, () => {
      if (!this.#prefetching.delete(announcementId)) return;
      this.#fetched.add(jobId);
      input({ type: 'prefetch', report: { announcementId, jobId, state: 'done', files: 1, bytes: 1_000 } });
    });
  }

  #checked(checkId: string): void {
    const ok = !this.#options.isSick();
    this.#options.input({ type: 'host-checked', checkId, ok, detail: ok ? 'works again' : 'does not work' });
  }

  #settle<T>(promise: Promise<T>, input: (result: T) => Input): void {
    let answer: Input | undefined;
    const deliver = this.#options.whenAwake(() => {
      if (answer !== undefined) this.#options.input(answer);
    });
    void promise.then((result) => {
      answer = input(result);
      deliver();
    });
  }
}
