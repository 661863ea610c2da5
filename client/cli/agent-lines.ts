import type { AgentView } from '../views.ts';
import { timeText } from './format.ts';

/** `active`, `draining`, `drained`, `evicting until 2026-03-01 14:05:09`, `sick`. */
export function modeWord({ mode, order, sickness }: AgentView): string {
  if (mode === 'active') return 'active';
  if (order === undefined) return sickness === undefined ? mode : 'sick';
  if (order.drained) return mode === 'evict' ? 'evicted' : 'drained';
  if (mode !== 'evict') return mode;
  return order.until === undefined ? 'evicting' : `evicting until ${timeText(order.until)}`;
}

/** The same, with who ordered it and why; a sickness beside an order is told too. */
export function modeText(agent: AgentView): string {
  const { order, sickness } = agent;
  const by = order?.by === undefined ? '' : ` by ${order.by}`;
  const why = order?.reason === undefined ? '' : `: ${order.reason}`;
  const sick = sickness === undefined ? '' : `; ${sicknessText(sickness)}`;
  return `${modeWord(agent)}${by}${why}${sick}`;
}

function sicknessText({ reason, checks, nextCheck, finding }: NonNullable<AgentView['sickness']>): string {
  const found = finding === undefined ? '' : `; found: ${finding}`;
  const next = nextCheck === undefined ? '' : `; next probe ${timeText(nextCheck)}`;
  return `${reason}; probed ${checks} times${found}${next}`;
}
