import type { JobRecord } from '../../domain/job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import { countText, cutText, namesText, toldMs } from '../../scheduling/words.ts';
import type { PlannedJobView } from '../explanations.ts';
import { cannotHelp, type HelpableJob, joinKeyOf, lossesMax, noAssistText } from './assist-snapshot.ts';
import { hasAbandoned, itemsAt } from './assist-state.ts';
import { plannedAgent } from './planned-agent.ts';
import { slotsBusy } from './slots-busy.ts';
import { attemptKey, type FarmState, type Presence } from './state.ts';

/** What an agent renders for others, for the farm's plan. */
export function helpedItems(state: FarmState, agentId: string, nowMs: number): readonly PlannedJobView[] {
  return itemsAt(state.assist, agentId).flatMap(({ item, attemptKey: key, endsAtMs }) => {
    const job = state.jobs.get(item.ref.jobId);
    const owner = state.attempts.get(key)?.agentId;
    if (job === undefined || owner === undefined) return [];
    const { jobId, userId, queue, priority } = job;
    return {
      ...{ jobId, userId, queue, priority, startMs: 0, announced: false, overdue: false },
      endMs: toldMs(endsAtMs - nowMs),
      helps: { agentId: owner, position: item.position },
    };
  });
}

/** Agents that an answer names; the plan has all of them. */
const namedMax = 5;
const charactersMax = 500;

/** Who helps a running job, and with how much so far; or why nobody does. Empty: there is nothing to tell. */
export function helpText(state: FarmState, { assist }: Pick<FarmSettings, 'assist'>, job: JobRecord): string {
  const owner = state.presences.get(job.agentId ?? '');
  const key = job.fence && attemptKey({ jobId: job.jobId, fence: job.fence });
  const attempt = key === undefined ? undefined : state.attempts.get(key);
  if (!assist || job.state !== 'running' || owner === undefined || attempt === undefined) return '';
  const helped = key === undefined ? undefined : state.assist.jobs.get(key);
  const given = [...(helped?.given.values() ?? [])].flatMap((each) => state.assist.items.get(each) ?? []);
  const helpers = [...new Set(given.map(({ agentId }) => agentId))].sort();
  const done = helped?.doneBy.size ?? 0;
  const soFar = done === 0 ? '' : `; ${countText(done, 'item')} by helpers so far`;
  if (helpers.length > 0)
    return `${namesText(helpers, namedMax)} ${helpers.length === 1 ? 'helps' : 'help'}${soFar}`;
  const why = whyNobody(state, { job, attempt, owner });
  return cutText(why === '' ? '' : `no agent helps: ${why}${soFar}`, charactersMax);
}

function whyNobody(state: FarmState, helpable: HelpableJob): string {
  const { job, attempt, owner } = helpable;
  if (job.options?.noCache === true) return 'every segment is to be rendered anew';
  const its = joinKeyOf(owner, job);
  // An agent that has never heard of assist, and whose operator perhaps has not either.
  if (its === noAssistText) return '';
  if (typeof its === 'string') return `${owner.agentId} ${its}`;
  const others = [...state.presences.values()].filter(
    (presence) => presence.session !== undefined && presence.agentId !== owner.agentId,
  );
  if (others.length === 0) return 'there is no other';
  if ((state.assist.jobs.get(attemptKey(attempt))?.losses ?? 0) >= lossesMax)
    return `${lossesMax} helpers were lost with items of it`;
  const reasons = others.map((presence) => `${presence.agentId} ${whyNot(state, presence, helpable)}`).sort();
  const more = reasons.length > namedMax ? `; and ${reasons.length - namedMax} more` : '';
  return `${reasons.slice(0, namedMax).join('; ')}${more}`;
}

function whyNot(state: FarmState, presence: Presence, helpable: HelpableJob): string {
  const { inventory, agentId } = presence;
  if (inventory === undefined) return 'has told nothing of itself';
  const agent = plannedAgent(state, presence, inventory);
  const cannot = cannotHelp(state, { agent, presence }, helpable);
  if (cannot !== undefined) return cannot;
  if (slotsBusy(state, agentId) >= inventory.slots) return 'is busy';
  if (hasAbandoned(state.assist, agentId)) return 'is given no items: one of them it cannot end';
  if (state.assist.barred.has(agentId)) return 'is given no items for a while: one came to nothing';
  if (state.waiting.size > 0) return 'may be needed for a job that waits';
  return 'could help, and has nothing to do for it now';
}
