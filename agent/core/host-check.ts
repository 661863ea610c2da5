import type { CheckHost } from '../../proto/agent-link.ts';
import type { Input } from './inputs.ts';
import type { Turn } from './turn.ts';
import { send } from './turn.ts';

/** Checks that may be under way at once: they are slow, and one answers for all. */
const checksMax = 8;

/** Probes what failed on this host. The shell tells a changed inventory first, then what came of it. */
export function checkHost(turn: Turn, request: CheckHost): void {
  const { checks } = turn.state;
  const { checkId } = request;
  if (checks.has(checkId)) return;
  if (checks.size >= checksMax) {
    send(turn, { kind: 'host-checked', checkId, ok: false, detail: `${checksMax} checks are under way` });
    return;
  }
  turn.state = { ...turn.state, checks: new Set(checks).add(checkId) };
  turn.effects.push({ type: 'check-host', request });
}

export function hostChecked(
  turn: Turn,
  { checkId, ok, detail }: Extract<Input, { type: 'host-checked' }>,
): void {
  const checks = new Set(turn.state.checks);
  checks.delete(checkId);
  turn.state = { ...turn.state, checks };
  send(turn, { kind: 'host-checked', checkId, ok, detail });
}
