import type { QueueOrderInput } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { once, type Refused } from './requests.ts';

/** What an operator orders of a queue: a record, so that it holds until it is taken back. What runs goes on. */
export function takeQueueOrder(ledger: Ledger, input: QueueOrderInput): void {
  once(ledger, input, { verb: input.kind, subject: input.queue }, () => {
    if (!ledger.settings.queues.some(({ name }) => name === input.queue)) return unknown(ledger, input.queue);
    if (input.kind === 'pause') pause(ledger, input);
    else resume(ledger, input);
    return undefined;
  });
}

/** One that is paused already stays so since then, for the newest reason. */
function pause(ledger: Ledger, { queue, reason, by }: QueueOrderInput): void {
  const before = ledger.state.queues.get(queue);
  if (before?.reason === reason && before.by === by) return;
  const pausedSinceMs = before?.pausedSinceMs ?? ledger.nowMs;
  ledger.putQueue({ name: queue, pausedSinceMs, reason, by });
  ledger.state.planStale = true;
  ledger.log('info', 'queue-paused', { queue, by, reason });
}

function resume(ledger: Ledger, { queue, reason, by }: QueueOrderInput): void {
  if (!ledger.state.queues.has(queue)) return;
  ledger.dropQueue(queue);
  ledger.state.planStale = true;
  ledger.log('info', 'queue-resumed', { queue, by, reason });
}

function unknown({ settings }: Ledger, queue: string): Refused {
  const known = settings.queues.map(({ name }) => name).join(', ');
  return {
    kind: 'refused',
    code: 'QUEUE_NOT_FOUND',
    message: `Queue not found: ${queue} (there are ${known})`,
    resource: { type: 'queue', name: queue },
  };
}
