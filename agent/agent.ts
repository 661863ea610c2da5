/**
 * One agent: every room of it, joined. Guarantee: when `start` resolves it dials its controllers; when `stop` resolves
 * nothing of it runs any more, and what it held is in its journal. Limit: one start per instance.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AgentMessage } from '../proto/index.ts';
import type { AgentParts } from './agent-effects.ts';
import { performEffect } from './agent-effects.ts';
import type { AgentLogger } from './agent-logger.ts';
import type { AgentRooms } from './agent-rooms.ts';
import { openAgentRooms } from './agent-rooms.ts';
import type { AgentConfig } from './config.ts';
import { recover } from './core/recover.ts';
import type { CoreSettings, ShutdownState } from './core/state.ts';
import { defaultCoreFigures } from './core/state.ts';
import type { CoreShell } from './core-shell.ts';
import { startCoreShell } from './core-shell.ts';
import { createAwayWatch } from './host/away-watch.ts';
import type { LinkSecurity } from './link/connection.ts';
import type { ControllerLink, LinkOptions } from './link/controller-link.ts';
import { startControllerLink } from './link/controller-link.ts';
import { createOperatorLog } from './operator-log.ts';
import { scaledTimes } from './scaled-times.ts';

/** What a test or the demo may bring along. */
export interface AgentDeps {
  readonly logger: AgentLogger;
  /** Figures of the core, scaled in tests. @default those of protocol.md */
  readonly figures?: Partial<CoreSettings>;
  readonly link?: Pick<LinkOptions, 'connectMs' | 'backoffFirstMaxMs' | 'backoffMaxMs' | 'random'>;
  /** How often the core looks at the clock. @default 200 */
  readonly tickMs?: number;
  /** How often the shares are looked at again. @default 60,000 */
  readonly sharesEveryMs?: number;
}

export interface Agent {
  /** Takes the journal, finds out what this PC can do, and dials. Rejects when it cannot run here. */
  start(): Promise<void>;
  /** A clean leave with Goodbye. Idempotent; resolves when everything has ended. */
  stop(reason?: ShutdownState['reason']): Promise<void>;
}

export const softwareVersion = '0.1.0';

/** Steady like the monotonic clock, and near the wall clock, because events show it to people. */
function nowMs(): number {
  return Math.round(performance.timeOrigin + performance.now());
}

export function createAgent(config: AgentConfig, deps: AgentDeps): Agent {
  const running = new RunningAgent(config, deps);
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  return {
    start: () => (starting ??= running.start()),
    stop: (reason = 'shutdown') =>
      (stopping ??= (async () => {
        running.giveUpStarting();
        await starting?.catch(() => undefined);
        await running.stop(reason);
      })()),
  };
}

/** Reasons of controllers that did not take us; more of them would be texts that are never the same. */
const refusalsToldMax = 20;

class RunningAgent {
  readonly #config: AgentConfig;
  readonly #deps: AgentDeps;
  readonly #starting = new AbortController();
  readonly #exited = Promise.withResolvers<unknown>();
  readonly #timers: NodeJS.Timeout[] = [];
  #rooms: AgentRooms | undefined;
  #shell: CoreShell | undefined;
  #link: ControllerLink | undefined;
  #welcomedLink: number | undefined;
  readonly #refusals = new Set<string>();
  #dialled: string | undefined;
  #address: string | undefined;

  constructor(config: AgentConfig, deps: AgentDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const times = scaledTimes(this.#config.timeScale);
    const { logger, figures, tickMs = 200, sharesEveryMs = times.sharesEveryMs } = this.#deps;
    const security = securityOf(this.#config);
    const rooms = await openAgentRooms(this.#config, {
      logger,
      security,
      address: () => this.#address,
      signal: this.#starting.signal,
      input: (input) => this.#shell?.input(input),
    });
    this.#rooms = rooms;
    this.#starting.signal.throwIfAborted();
    const settings: CoreSettings = {
      ...defaultCoreFigures,
      ...times.figures,
      agentId: this.#config.agentId,
      instanceId: randomUUID(),
      softwareVersion,
      slots: rooms.watch.inventory().slots,
      ...figures,
    };
    const parts: AgentParts = {
      rooms,
      logger,
      send: (linkId, message) => this.#send(linkId, message),
      reopen: (...args) => this.#link?.reopen(...args),
      exit: () => this.#exited.resolve(undefined),
      input: (input) => this.#shell?.input(input),
    };
    const operatorLog = createOperatorLog(logger, nowMs);
    this.#shell = startCoreShell({
      first: recover(
        settings,
        { ...rooms.watch.inventory(), ...rooms.capacity() },
        rooms.outbox.found,
        nowMs(),
        rooms.watch.gpuLanes(),
      ),
      outbox: rooms.outbox,
      perform(effect) {
        operatorLog.decided(effect);
        performEffect(effect, parts);
      },
      heard: (input) => {
        operatorLog.heard(input);
        // The share has its identity by now: whoever may finish this publication must know it.
        if (input.type === 'attempt' && input.report.type === 'staged') void this.#lookAtShares();
      },
      nowMs,
      onTrouble: (message, error) => logger.error({ err: error }, message),
    });
    this.#link = this.#dial(security);
    const { awayMs } = times;
    const away = createAwayWatch({ steadyMs: () => performance.now(), wallMs: () => Date.now(), awayMs });
    this.#timers.push(
      setInterval(() => this.#tick(away()), tickMs),
      setInterval(() => void this.#lookAtShares(), sharesEveryMs),
      setInterval(() => void this.#retryEncoder(), settings.slotProbeMs),
    );
    rooms.logUpload.nudge();
    logger.info({ instanceId: settings.instanceId }, 'agent started');
  }

  /** First of all whether there was a time in which nothing ticked: then the stream cannot be trusted. */
  #tick(awayMs: number | undefined): void {
    if (awayMs !== undefined) this.#shell?.input({ type: 'woke', awayMs });
    this.#shell?.input({ type: 'tick' });
  }

  giveUpStarting(): void {
    if (this.#shell === undefined) this.#starting.abort(new Error('the agent stops'));
  }

  async stop(reason: ShutdownState['reason']): Promise<void> {
    if (this.#shell !== undefined) {
      this.#shell.input({ type: 'shutdown', reason });
      await this.#exited.promise;
    }
    for (const timer of this.#timers) clearInterval(timer);
    await this.#link?.stop();
    await this.#rooms?.close();
    this.#deps.logger.info('agent stopped');
  }

  #dial(security: LinkSecurity): ControllerLink {
    const { logger } = this.#deps;
    return startControllerLink({
      controllers: this.#config.controllers,
      security,
      ...scaledTimes(this.#config.timeScale).link,
      ...this.#deps.link,
      listener: {
        opened: (linkId, address) => {
          logger.debug({ address, linkId }, 'connected to a controller');
          this.#dialled = address;
          this.#shell?.input({ type: 'link-opened', linkId });
        },
        received: (linkId, message) => {
          logger.debug({ linkId, message: message.kind }, 'received');
          this.#shell?.input({ type: 'received', linkId, message });
          if (message.kind === 'welcome') this.#welcomed(linkId);
        },
        closed: (linkId, why) => {
          this.#tellEnd(linkId, why);
          this.#shell?.input({ type: 'link-closed', linkId, reason: why });
        },
        trouble: (message) => logger.warn(message),
      },
    });
  }

  /** This one leads: job logs go there too. */
  #welcomed(linkId: number): void {
    this.#deps.logger.info({ address: this.#dialled, linkId }, 'attached to the controller');
    this.#welcomedLink = linkId;
    this.#refusals.clear();
    this.#address = this.#dialled;
    this.#rooms?.logUpload.nudge();
  }

  /** Where nobody leads, standbys send us round and round: each reason is told once until one welcomes us. */
  #tellEnd(linkId: number, why: string): void {
    const { logger } = this.#deps;
    if (linkId === this.#welcomedLink) {
      logger.warn({ linkId, why }, 'the stream to the controller has ended');
      return;
    }
    const isNews = !this.#refusals.has(why) && this.#refusals.size < refusalsToldMax;
    if (isNews) this.#refusals.add(why);
    logger[isNews ? 'warn' : 'debug'](
      { address: this.#dialled, linkId, why },
      'this controller did not take us: trying on',
    );
  }

  #send(linkId: number, message: AgentMessage): void {
    this.#link?.send(linkId, message, message.kind === 'progress');
  }

  async #retryEncoder(): Promise<void> {
    const { logger } = this.#deps;
    try {
      const watch = this.#rooms?.watch;
      const inventory = await watch?.retryEncoder();
      if (watch === undefined || inventory === undefined) return;
      logger.info({ encoders: inventory.encoders.map(({ rung }) => rung) }, 'a better encoder works again');
      this.#shell?.input({ type: 'inventory', inventory, gpuLanes: watch.gpuLanes() });
    } catch (error) {
      logger.warn({ err: error }, 'the encoder could not be tried again');
    }
  }

  async #lookAtShares(): Promise<void> {
    try {
      const inventory = await this.#rooms?.watch.lookAtShares();
      if (inventory !== undefined) this.#shell?.input({ type: 'inventory', inventory });
    } catch (error) {
      this.#deps.logger.warn({ err: error }, 'the shares could not be looked at');
    }
  }
}

function securityOf({ tls, token }: AgentConfig): LinkSecurity {
  return {
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.ca === undefined ? {} : { ca: readFileSync(tls.ca) }),
            ...(tls.cert === undefined ? {} : { clientCert: readFileSync(tls.cert) }),
            ...(tls.key === undefined ? {} : { clientKey: readFileSync(tls.key) }),
            ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
          },
        }),
  };
}
