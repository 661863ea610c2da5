import assert from 'node:assert/strict';
import type { FarmSettings } from '../../controller/domain/settings.ts';
import { createEngine, type Engine, type EngineOptions } from '../../controller/engine/engine.ts';
import type { AgentOutlet, AgentSession } from '../../controller/engine/farm.ts';
import { MemoryDisk } from '../../controller/store/memory/memory-disk.ts';
import { openMemoryStore } from '../../controller/store/memory/memory-store.ts';
import type { ControllerGoodbye, ControllerMessage, Hello } from '../../proto/agent-link.ts';
import { hello } from './agent-messages.ts';
import { farmSettings } from './farm-settings.ts';
import { ManualClock, settled } from './manual-clock.ts';
import { jobSpec } from './turn-farm.ts';

/** An engine on a disk that survives it, under a clock that stands still. */
export class EngineController {
  readonly disk: MemoryDisk;
  readonly clock: ManualClock;
  readonly fatal: unknown[] = [];
  readonly logged: string[] = [];
  readonly address: string;
  #engine: Engine | undefined;

  constructor(disk = new MemoryDisk('farm-1'), clock = new ManualClock(), address = '127.0.0.1:1') {
    this.disk = disk;
    this.clock = clock;
    this.address = address;
  }

  get engine(): Engine {
    assert.ok(this.#engine, 'not started');
    return this.#engine;
  }

  async start(
    settings: Partial<FarmSettings> = {},
    more: Partial<Pick<EngineOptions, 'deliver' | 'resolve' | 'lookUp' | 'pathsOf'>> = {},
  ): Promise<this> {
    const log = (_fields: object, message: string) => void this.logged.push(message);
    this.#engine = createEngine({
      store: openMemoryStore({ disk: this.disk }),
      settings: farmSettings(settings),
      clock: this.clock,
      random: () => 0.5,
      log: { info: log, warn: log, error: log },
      onFatal: (error) => this.fatal.push(error),
      resolve: (spec) =>
        Promise.resolve({
          username: spec.userId,
          resolved: spec.items.map(({ position, itemType, path }) => ({
            position,
            itemType,
            path: path ?? '',
          })),
          resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
          shares: ['clips'],
        }),
      ...more,
    });
    void this.#engine.start([this.address]);
    await settled();
    return this;
  }

  submit(n: number, requestId = ''): ReturnType<Engine['submit']> {
    return this.engine.submit({ requestId, spec: jobSpec(n), validateOnly: false, jobIdMade: false });
  }

  async attach(
    id: string,
    changes: Partial<Hello> = {},
  ): Promise<{ outlet: RecordingOutlet; session: AgentSession }> {
    const outlet = new RecordingOutlet();
    const session = await this.engine.attach(hello(id, changes), outlet);
    return { outlet, session };
  }

  count(message: string): number {
    return this.logged.filter((each) => each === message).length;
  }
}

/** An agent's stream that remembers what it was sent. */
export class RecordingOutlet implements AgentOutlet {
  readonly got: ControllerMessage[] = [];
  readonly goodbyes: (ControllerGoodbye | undefined)[] = [];

  send(message: ControllerMessage): void {
    this.got.push(message);
  }

  end(goodbye?: ControllerGoodbye): void {
    this.goodbyes.push(goodbye);
  }

  kinds(): readonly string[] {
    return this.got.map(({ kind }) => kind);
  }
}
