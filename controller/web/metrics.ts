import { Gauge, Registry } from 'prom-client';
import { type ControllerStatus, type FarmSummary, logsUnwritable } from '../engine/farm.ts';

/** What the farm is in numbers at this moment. */
export interface Measured {
  readonly status: ControllerStatus;
  /** Absent: this controller does not lead, and knows nothing of the farm. */
  readonly summary: FarmSummary | undefined;
  /** Unix ms. */
  readonly nowMs: number;
}

/** One sample: its value, and its labels. */
type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

/** Prometheus' text of these numbers; docs/metrics.md lists them. Made anew for each scrape: nothing of it is kept. */
export async function metricsText(measured: Measured): Promise<{ text: string; contentType: string }> {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: string[], samples: readonly Sample[]): void => {
    const made = new Gauge({ name: `renderfarm_${name}`, help, labelNames, registers: [registry] });
    for (const [value, labels = {}] of samples) made.set(labels, value);
  };
  controllerGauges(gauge, measured);
  if (measured.summary !== undefined) {
    farmGauges(gauge, measured.summary);
    outboxGauges(gauge, measured.summary, measured.nowMs);
  }
  return { text: await registry.metrics(), contentType: registry.contentType };
}

type AddGauge = (name: string, help: string, labels: string[], samples: readonly Sample[]) => void;

function controllerGauges(gauge: AddGauge, { status }: Measured): void {
  gauge('serving', 'This controller leads and can commit (0 or 1).', [], [[status.serving ? 1 : 0]]);
  gauge('leading', 'This controller leads (0 or 1).', [], [[status.role === 'leading' ? 1 : 0]]);
  if (status.lastCommitAgeMs !== undefined) {
    const help = 'Since the last change that was stored; an idle farm stores nothing.';
    gauge('commit_age_seconds', help, [], [[status.lastCommitAgeMs / 1_000]]);
  }
}

function farmGauges(gauge: AddGauge, { jobsByQueue, agents, alarms }: FarmSummary): void {
  gauge(
    'jobs',
    'Jobs in the hot store by queue and state.',
    ['queue', 'state'],
    jobsByQueue.map(({ queue, state, jobs }) => [jobs, { queue, state }]),
  );
  gauge(
    'agents',
    'Agents by how they are heard: attached, suspect, detached.',
    ['liveness'],
    (['attached', 'suspect', 'detached'] as const).map((liveness) => [agents[liveness], { liveness }]),
  );
  gauge('agents_sick', 'Agents that get no work until they are healed.', [], [[agents.sick]]);
  gauge('slots', 'Slots of attached agents.', [], [[agents.slots]]);
  gauge('slots_busy', 'Slots that hold an attempt.', [], [[agents.slotsBusy]]);
  const refused = alarms.some(({ event }) => event === logsUnwritable);
  gauge('logs_unwritable', 'The disk of the job logs takes nothing (0 or 1).', [], [[refused ? 1 : 0]]);
}

function outboxGauges(gauge: AddGauge, { outbox }: FarmSummary, nowMs: number): void {
  const each = (valueOf: (view: FarmSummary['outbox'][number]) => number): readonly Sample[] =>
    outbox.map((view) => [valueOf(view), { destination: view.destination }]);
  const ageOf = (sinceMs: number | undefined): number =>
    sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs) / 1_000;
  const labels = ['destination'];
  gauge(
    'outbox_rows',
    'Jobs that a destination has not been told of.',
    labels,
    each(({ rows }) => rows),
  );
  gauge(
    'outbox_refused_rows',
    'Of these, those that it refused.',
    labels,
    each(({ refused }) => refused),
  );
  gauge(
    'outbox_oldest_seconds',
    'How long the oldest of these waits; 0: none does.',
    labels,
    each(({ oldestSinceMs }) => ageOf(oldestSinceMs)),
  );
  gauge(
    'outbox_away_seconds',
    'For how long a destination has not answered; 0: it answers.',
    labels,
    each(({ awaySinceMs }) => ageOf(awaySinceMs)),
  );
}
