import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { holdsSlot } from '../../../agent/core/attempt-states.ts';
import type { Effect } from '../../../agent/core/effects.ts';
import type { AttemptReport, PublishResult } from '../../../agent/core/inputs.ts';
import { applyRecord, emptyJournal, keyOf, snapshotRecords } from '../../../agent/core/journal-fold.ts';
import type { JobRef } from '../../../proto/index.ts';
import { assignment, CoreDriver, failed, jobRef, manifest, usage } from '../../helpers/agent-core.ts';

/**
 * Histories of an agent with two slots and three jobs: anything may come at any time, the shell reports only about what
 * it was told to start, the process dies and comes back from its journal. What never may happen is checked at each step.
 */
const commands = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('assign' as const),
        job: job(),
        counter: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('report' as const),
        which: fc.nat(5),
        type: fc.constantFrom('next', 'next', 'next', 'next', 'segment', 'ended'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('grant' as const),
        job: job(),
        counter: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('refuse' as const),
        job: job(),
        counter: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('cancel' as const),
        job: job(),
        counter: fc.integer({ min: 1, max: 4 }),
        kill: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('published' as const),
        type: fc.constantFrom('published', 'earlier-result', 'staging-gone', 'retry'),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), number: fc.nat(30) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('link' as const),
        acked: fc.nat(30),
        verdict: fc.constantFrom('keep', 'stop', 'forget', 'publish', 'refused', 'adopt', 'adopt'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('mode' as const), mode: mode() }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const) }) },
  ),
  { maxLength: 60 },
);
type Command = typeof commands extends fc.Arbitrary<(infer T)[]> ? T : never;

function mode() {
  return fc.constantFrom('active' as const, 'cordoned' as const, 'evict' as const);
}

function job() {
  return fc.constantFrom('job-a', 'job-b', 'job-c');
}

class World {
  core = new CoreDriver({ slots: 2 });
  /** Attempts that the shell was told to start and has not reported the end of, and what the shell calls them. */
  readonly working = new Map<string, JobRef>();
  /** What adopted attempts are called now, by what they were called. */
  readonly renamed = new Map<string, string>();
  adoptions = 100;
  /** Renames that the shell was told to make and has not answered. */
  readonly renaming: JobRef[] = [];
  readonly granted = new Set<string>();
  readonly outcomes = new Map<string, string>();
  readonly published = new Map<string, string>();
  sent = 0;

  run(command: Command): void {
    const { core } = this;
    switch (command.do) {
      case 'assign':
        this.see(core.receive(assignment(jobRef(command.job, command.counter))));
        return;
      case 'report':
        this.report(command.which, command.type);
        return;
      case 'grant': {
        const ref = jobRef(command.job, command.counter);
        if (core.state.link?.session !== undefined) this.granted.add(keyOf(ref));
        this.see(core.receive({ kind: 'publish-grant', ref, finalName: 'x.mp4' }));
        return;
      }
      case 'refuse':
        this.see(
          core.receive({ kind: 'publish-refused', ref: jobRef(command.job, command.counter), reason: 'no' }),
        );
        return;
      case 'cancel':
        this.see(
          core.receive({
            kind: 'cancel',
            ref: jobRef(command.job, command.counter),
            mode: command.kill ? 'kill' : 'graceful',
            graceMs: 1,
            reason: 'r',
            outcome: 'cancelled',
          }),
        );
        return;
      case 'published': {
        const ref = this.renaming.shift();
        if (ref === undefined) return;
        const result = { type: command.type, publishedPath: 'p', detail: 'd' } as PublishResult;
        this.see(core.input({ type: 'publish-result', ref, result }));
        return;
      }
      case 'ack':
        this.see(core.receive({ kind: 'event-ack', number: Math.min(command.number, this.sent) }));
        return;
      case 'link':
        this.link(command.acked, command.verdict);
        return;
      case 'mode':
        this.see(core.receive({ kind: 'set-mode', mode: command.mode, deadlineMs: 5_000, reason: 'r' }));
        return;
      case 'cut':
        this.see(core.input({ type: 'link-closed', linkId: core.linkId, reason: 'cut' }));
        return;
      case 'tick':
        this.see(core.tick(command.ms));
        return;
      case 'die':
        this.working.clear();
        this.renaming.length = 0;
        this.core = new CoreDriver({ slots: 2, instanceId: 'next' }, core.journal);
        this.core.nowMs = core.nowMs;
        this.core.linkId = core.linkId;
        this.see(this.core.effects);
    }
  }

  link(acked: number, verdict: 'keep' | 'stop' | 'forget' | 'publish' | 'refused' | 'adopt'): void {
    const { core } = this;
    core.linkId += 1;
    this.see(core.input({ type: 'link-opened', linkId: core.linkId }));
    const [first] = core.state.attempts.values();
    const fence = { term: 1, counter: (this.adoptions += 1) };
    const decision = { verdict, fence, reason: 'r', outcome: 'superseded', finalName: 'x.mp4' } as never;
    if (verdict === 'publish' && first !== undefined) this.granted.add(keyOf(first.ref));
    const ackedEvent = Math.max(core.journal.acked, Math.min(acked, this.sent));
    const verdicts = first === undefined ? [] : [{ ref: first.ref, decision }];
    core.linkId -= 1;
    this.see(core.attach({ ackedEvent, verdicts }));
  }

  report(which: number, wish: 'next' | 'segment' | 'ended'): void {
    const [key, ref] = [...this.working][which % Math.max(1, this.working.size)] ?? [];
    if (key === undefined || ref === undefined) return;
    const state = this.core.state.attempts.get(key)?.state;
    // The shell reports its steps in order.
    const steps = { preparing: 'prepared', running: 'encoded', finishing: 'staged' } as const;
    const type = wish === 'next' ? steps[state as keyof typeof steps] : wish;
    if (type === 'segment' && state !== 'running') return;
    const reports: Record<typeof type, AttemptReport> = {
      prepared: { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 3 },
      segment: { type: 'segment', position: 0, reused: false, frames: 1 },
      encoded: { type: 'encoded' },
      staged: { type: 'staged', manifest, usage },
      ended: { type: 'ended', finished: failed },
    };
    if (type === 'staged' || type === 'ended') this.working.delete(key);
    this.see(this.core.input({ type: 'attempt', ref, report: reports[type] }));
  }

  see(effects: readonly Effect[]): void {
    for (const effect of effects) this.seeOne(effect);
    this.check();
  }

  seeOne(effect: Effect): void {
    if (effect.type === 'start-attempt') {
      const key = keyOf(effect.assign.ref);
      assert.ok(!this.working.has(key), 'an attempt is started once');
      for (const other of this.working.values()) {
        assert.notEqual(
          other.jobId,
          effect.assign.ref.jobId,
          'the first process tree of a job is gone first',
        );
      }
      assert.ok(this.core.journal.attempts.has(key), 'an accepted assignment is written down');
      this.working.set(key, effect.assign.ref);
    }
    if (effect.type === 'adopt-attempt') this.follow(effect.from, effect.to);
    if (effect.type === 'publish') {
      const key = keyOf(effect.ref);
      assert.ok(this.granted.has(key), 'nothing is published without a grant');
      assert.notEqual(this.outcomes.get(key), 'published', 'nothing is published twice');
      assert.ok(!this.renaming.some((ref) => keyOf(ref) === key), 'one rename at a time');
      this.renaming.push(effect.ref);
    }
    if (effect.type === 'send' && effect.message.kind === 'event') {
      const { number, ref, event } = effect.message;
      assert.ok(number <= this.core.journal.lastEvent, 'only what is written is sent');
      this.sent = Math.max(this.sent, number);
      if (event.type !== 'finished') return;
      const known = this.outcomes.get(keyOf(ref)) ?? event.finished.outcome;
      assert.equal(event.finished.outcome, known, 'a fence has one outcome');
      this.outcomes.set(keyOf(ref), known);
    }
  }

  /** The shell follows an adoption; of what it does already it may go on to speak under the old fence. */
  follow(from: JobRef, to: JobRef): void {
    const [before, now] = [keyOf(from), keyOf(to)];
    const working = this.working.get(before);
    this.working.delete(before);
    if (working !== undefined) this.working.set(now, working);
    if (this.granted.has(before)) this.granted.add(now);
    this.renamed.set(before, now);
    this.core.input({ type: 'attempt-adopted', ref: to });
  }

  check(): void {
    const { state, journal } = this.core;
    const used = [...state.attempts.values()].filter((live) => holdsSlot(live.state)).length;
    assert.ok(used <= 2, 'slots are never exceeded');
    assert.deepEqual(
      journal.events.map((event) => event.number),
      Array.from({ length: journal.lastEvent - journal.acked }, (_, index) => journal.acked + 1 + index),
      'event numbers are contiguous',
    );
    assert.deepEqual(state.journal, journal, 'the state knows exactly what the records say');
    assert.deepEqual([...state.attempts.keys()].sort(), [...journal.attempts.keys()].sort());
    for (const [key, live] of state.attempts) {
      const isAtWork = ['preparing', 'running', 'finishing'].includes(live.state);
      assert.equal(isAtWork, this.working.has(key), `${key} is ${live.state}`);
      const isStaged = live.state === 'ready' || live.state === 'publishing';
      if (isStaged) assert.ok(journal.attempts.get(key)?.manifest, 'what is ready has its manifest');
    }
    const again = snapshotRecords(journal).reduce(applyRecord, emptyJournal('other'));
    assert.deepEqual(again, journal, 'a rewritten journal says the same');
  }

  /** Everything that is open comes to its end, and every accepted fence has exactly one. */
  settle(): void {
    this.link(0, 'keep');
    while (this.working.size > 0) this.report(0, 'ended');
    for (const { ref, state } of this.core.state.attempts.values()) {
      if (state === 'ready') this.see(this.core.receive({ kind: 'publish-refused', ref, reason: 'end' }));
    }
    for (let tries = 0; tries < 5; tries += 1) {
      while (this.renaming.length > 0) this.run({ do: 'published', type: 'published' });
      this.see(this.core.tick(3_600_000));
      this.link(0, 'keep');
    }
    while (this.core.journal.events.length > 0)
      this.see(this.core.receive({ kind: 'event-ack', number: this.sent }));
    assert.equal(this.core.state.attempts.size, 0, 'nothing is held for ever');
    for (const record of this.core.records) {
      if (record.kind === 'accepted') {
        let key = keyOf(record.assign.ref);
        for (let next: string | undefined = key; next !== undefined; next = this.renamed.get(next))
          key = next;
        assert.ok(this.core.journal.tombstones.has(key), 'every accepted fence ends');
      }
    }
  }
}

test('no history publishes twice, publishes without a grant, exceeds the slots or forgets an attempt', () => {
  fc.assert(
    fc.property(commands, (history) => {
      const world = new World();
      world.link(0, 'keep');
      for (const command of history) world.run(command);
      world.settle();
    }),
    { numRuns: 500 },
  );
});
