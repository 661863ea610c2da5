import type { AgentMessage } from '../proto/index.ts';
import type { AgentLogger } from './agent-logger.ts';
import type { AgentRooms } from './agent-rooms.ts';
import { annulPublish } from './attempt/annul.ts';
import { finishPublish, publish } from './attempt/publish.ts';
import type { Effect } from './core/effects.ts';
import type { Input } from './core/inputs.ts';

/** What the effects act on. */
export interface AgentParts {
  readonly rooms: AgentRooms;
  readonly logger: AgentLogger;
  send(linkId: number, message: AgentMessage): void;
  reopen(linkId: number, reason: string, afterMs: number, address?: string): void;
  exit(): void;
  input(input: Input): void;
}

/** Does what the core has decided. Never throws; what takes time reports back as an input. */
export function performEffect(effect: Effect, parts: AgentParts): void {
  const { rooms, logger } = parts;
  const input = (report: Input): void => parts.input(report);
  switch (effect.type) {
    case 'send':
      parts.send(effect.linkId, effect.message);
      return;
    case 'heartbeat':
      sendHeartbeat(effect, parts);
      return;
    case 'reopen':
      logger.debug({ reason: effect.reason }, 'leaving this stream');
      parts.reopen(effect.linkId, effect.reason, effect.afterMs, effect.address);
      return;
    case 'start-attempt':
      rooms.outputUsed(effect.assign.output.folder);
      rooms.attempts.start(effect.assign, effect.gpuIndex);
      return;
    case 'stop-attempt':
      rooms.attempts.stop(effect.ref, effect);
      return;
    case 'publish':
    case 'finish-publish':
    case 'annul-publish':
      void publishing(effect, parts);
      return;
    case 'adopt-attempt':
      rooms.attempts.adopt(effect.from, effect.to);
      input({ type: 'attempt-adopted', ref: effect.to });
      return;
    case 'check-host':
      void checkHost(effect.request, parts);
      return;
    case 'probe-sessions':
      void probeSessions(effect, parts);
      return;
    case 'discard':
      void rooms.discard(effect.stagingFolder);
      return;
    case 'clean-up':
      void cleanUp(effect, parts);
      return;
    case 'start-item':
    case 'stop-item':
    case 'release-items':
    case 'take-loose-items-back':
    case 'tell-owner':
      assist(effect, parts);
      return;
    case 'look-at-sources':
      void lookAtSources(effect, parts);
      return;
    case 'look-at-files':
      void lookAtFiles(effect, parts);
      return;
    case 'start-prefetch':
      rooms.prefetches.start(effect.announce);
      return;
    case 'stop-prefetch':
      rooms.prefetches.stop(effect.announcementId, effect.why);
      return;
    case 'alarm':
      logger.error({ code: effect.code }, effect.message);
      return;
    case 'exit':
      parts.exit();
  }
}

function sendHeartbeat(
  { linkId, sequence, scratchAvailableBytes, probeId }: Extract<Effect, { type: 'heartbeat' }>,
  { rooms, ...parts }: AgentParts,
): void {
  parts.send(linkId, {
    kind: 'heartbeat',
    sequence,
    ...rooms.vitals(),
    scratchAvailableBytes,
    ...(probeId === undefined ? {} : { probeId }),
  });
}

async function cleanUp(
  { assign, finished, startedAs }: Extract<Effect, { type: 'clean-up' }>,
  { rooms }: AgentParts,
): Promise<void> {
  await rooms.attempts.cleanUp(assign, finished, startedAs);
  rooms.logUpload.nudge();
}

async function lookAtSources(
  { ask }: Extract<Effect, { type: 'look-at-sources' }>,
  { rooms, ...parts }: AgentParts,
): Promise<void> {
  parts.input({ type: 'sources', jobId: ask.jobId, found: await rooms.sources(ask) });
}

async function lookAtFiles(
  { ask }: Extract<Effect, { type: 'look-at-files' }>,
  { rooms, ...parts }: AgentParts,
): Promise<void> {
  parts.input({ type: 'files', lookId: ask.lookId, files: await rooms.files(ask) });
}

type AssistEffect = 'start-item' | 'stop-item' | 'release-items' | 'take-loose-items-back' | 'tell-owner';

/** Items that are rendered for others, and those that others render. */
function assist(effect: Extract<Effect, { type: AssistEffect }>, { rooms, ...parts }: AgentParts): void {
  switch (effect.type) {
    case 'start-item':
      rooms.items.start(effect.assign, effect.gpuIndex);
      return;
    case 'stop-item':
      rooms.items.stop(effect.item, effect.reason);
      return;
    case 'tell-owner':
      rooms.attempts.tellOwner(effect.told);
      return;
    case 'take-loose-items-back':
      rooms.attempts.takeLooseBack();
      return;
    case 'release-items':
      void rooms.attempts.release(effect.ask).then((items) => {
        if (items !== undefined) parts.input({ type: 'items-released', ref: effect.ask.ref, items });
      });
      return;
  }
}

/** What is done on an output share, for ourselves and for others. The functions never reject. */
async function publishing(
  effect: Extract<Effect, { type: 'publish' | 'finish-publish' | 'annul-publish' }>,
  { rooms, ...parts }: AgentParts,
): Promise<void> {
  if (effect.type === 'publish') {
    const { ref } = effect;
    parts.input({ type: 'publish-result', ref, result: await publish(rooms.share, effect) });
    return;
  }
  const { request } = effect;
  const { ref, output } = request;
  rooms.outputUsed(output.folder);
  if (request.kind === 'finish-publish') {
    const result = await finishPublish(rooms.share, request);
    parts.input({ type: 'finish-publish-result', ref, result });
  } else {
    parts.input({ type: 'annul-publish-result', ref, result: await annulPublish(rooms.share, request) });
  }
}

/** A changed inventory first: what was healed must be known when the answer comes. */
async function checkHost(
  { checkId, causes, shares }: Extract<Effect, { type: 'check-host' }>['request'],
  { rooms, ...parts }: AgentParts,
): Promise<void> {
  const found = await rooms.watch.check({ causes, shares }).catch((error: unknown) => ({
    ok: false,
    detail: `the check failed: ${text(error)}`,
    changed: undefined,
  }));
  if (found.changed !== undefined)
    parts.input({ type: 'inventory', inventory: found.changed, gpuLanes: rooms.watch.gpuLanes() });
  parts.input({ type: 'host-checked', checkId, ok: found.ok, detail: found.detail });
}

async function probeSessions(
  { sessions, gpuIndex }: Extract<Effect, { type: 'probe-sessions' }>,
  { rooms, logger, ...parts }: AgentParts,
): Promise<void> {
  const { ok, detail } = await rooms.watch
    .probeSessions(sessions, gpuIndex)
    .catch((error: unknown) => ({ ok: false, detail: `the probe failed: ${text(error)}` }));
  logger.info({ ok, detail }, 'encoder sessions tried again');
  parts.input({ type: 'sessions-probed', ok, detail, ...(gpuIndex === undefined ? {} : { gpuIndex }) });
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
