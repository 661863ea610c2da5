import assert from 'node:assert/strict';
import { defaultTimes } from '../../controller/domain/times.ts';
import type { OutboxItem } from '../../controller/outbox/destination.ts';
import { deliveriesTo } from '../../controller/outbox/start-deliveries.ts';
import { EngineController } from './engine-controller.ts';
import type { RecordingDestination } from './recording-destination.ts';
import { jobId } from './turn-farm.ts';

/** A leading engine that tells these destinations, under a clock that stands still. */
export async function farmTelling(...destinations: readonly RecordingDestination[]) {
  const controller = new EngineController();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const parts = { times: defaultTimes, clock: controller.clock, random: () => 0.5, log };
  await controller.start(
    { destinations: destinations.map(({ name }) => name) },
    { deliver: deliveriesTo(destinations, parts) },
  );
  return controller;
}

export async function outboxOf({ engine }: EngineController) {
  const [view] = (await engine.summary()).outbox;
  assert.ok(view);
  return view;
}

export function ids(items: readonly OutboxItem[] | undefined): readonly string[] {
  return (items ?? []).map(({ job }) => job.jobId);
}

export function cancel({ engine }: EngineController, n: number) {
  return engine.orderJob({ kind: 'cancel', jobId: jobId(n), reason: '', requestId: '' });
}
