import fc from 'fast-check';
import type { AgentMessage } from '../../proto/agent-link.ts';
import { assign } from './controller-messages.ts';
import {
  anyText,
  atMs,
  count,
  event,
  few,
  fileSeen,
  held,
  heldState,
  int32,
  inventory,
  itemRef,
  outcome,
  percent,
  ratio,
  record,
  ref,
  spanMs,
  text,
  texts,
} from './parts.ts';

type AgentKind<K extends AgentMessage['kind']> = Extract<AgentMessage, { kind: K }>;

/** One arbitrary a kind: an added kind stops this from compiling. */
const agentKinds: { readonly [K in AgentMessage['kind']]: fc.Arbitrary<AgentKind<K>> } = {
  hello: record<AgentKind<'hello'>>(
    {
      kind: fc.constant('hello'),
      agentId: text,
      instanceId: text,
      softwareVersion: anyText,
      protocolMin: int32,
      protocolMax: int32,
      features: texts,
      farmId: text,
      highestTerm: count,
      journalId: text,
      firstUnackedEvent: count,
      lastEvent: count,
      inventory,
      held: fc.array(held, few),
      tombstones: fc.array(record({ ref, outcome, publishedPath: text }, 'publishedPath'), few),
      heldItems: fc.array(itemRef, { ...few, minLength: 1 }),
    },
    'farmId',
    'heldItems',
  ),
  heartbeat: record<AgentKind<'heartbeat'>>(
    {
      kind: fc.constant('heartbeat'),
      sequence: count,
      load1: ratio,
      scratchFreeBytes: count,
      worstLoopStallMs: spanMs,
      oldestShareOperationMs: spanMs,
      probeId: text,
      scratchAvailableBytes: count,
    },
    'probeId',
    'scratchAvailableBytes',
  ),
  'assignment-reply': fc.oneof<fc.Arbitrary<AgentKind<'assignment-reply'>>[]>(
    record({
      kind: fc.constant('assignment-reply'),
      ref,
      accepted: fc.constant(true),
      presentBytes: count,
      presentSegments: int32,
    }),
    record({
      kind: fc.constant('assignment-reply'),
      ref,
      accepted: fc.constant(false),
      code: text,
      reason: anyText,
    }),
  ),
  event: record<AgentKind<'event'>>({
    kind: fc.constant('event'),
    number: count.map((value) => value || 1),
    ref,
    atMs,
    event,
  }),
  progress: record<AgentKind<'progress'>>(
    {
      kind: fc.constant('progress'),
      ref,
      state: heldState,
      percent,
      framesDone: count,
      framesTotal: count,
      etaMs: spanMs,
      waiting: record({ reason: anyText, waitedMs: spanMs }),
    },
    'etaMs',
    'waiting',
  ),
  'prefetch-report': record<AgentKind<'prefetch-report'>>(
    {
      kind: fc.constant('prefetch-report'),
      announcementId: text,
      jobId: fc.uuid(),
      state: fc.constantFrom('fetching', 'done', 'failed', 'withdrawn'),
      files: int32,
      bytes: count,
      // On the wire 0 is the same as not known.
      totalBytes: count.map((value) => value || 1),
      message: text,
    },
    'totalBytes',
    'message',
  ),
  'files-seen': record<AgentKind<'files-seen'>>({
    kind: fc.constant('files-seen'),
    lookId: text,
    files: fc.array(fileSeen, few),
  }),
  'sources-report': record<AgentKind<'sources-report'>>(
    {
      kind: fc.constant('sources-report'),
      jobId: fc.uuid(),
      totalBytes: count,
      presentBytes: count,
      presentOutputMs: spanMs,
      message: text,
    },
    'message',
  ),
  inventory: record<AgentKind<'inventory'>>({ kind: fc.constant('inventory'), inventory }),
  'finish-publish-reply': record<AgentKind<'finish-publish-reply'>>(
    {
      kind: fc.constant('finish-publish-reply'),
      ref,
      result: fc.constantFrom('published', 'absent', 'mismatch', 'unreachable'),
      publishedPath: text,
      detail: text,
    },
    'publishedPath',
    'detail',
  ),
  'annul-publish-reply': record<AgentKind<'annul-publish-reply'>>(
    {
      kind: fc.constant('annul-publish-reply'),
      ref,
      result: fc.constantFrom('annulled', 'published', 'mismatch', 'unreachable'),
      publishedPath: text,
      detail: text,
    },
    'publishedPath',
    'detail',
  ),
  recalled: record<AgentKind<'recalled'>>(
    { kind: fc.constant('recalled'), ref, assign, held },
    'assign',
    'held',
  ),
  'host-checked': record<AgentKind<'host-checked'>>({
    kind: fc.constant('host-checked'),
    checkId: text,
    ok: fc.boolean(),
    detail: anyText,
  }),
  'items-released': record<AgentKind<'items-released'>>({
    kind: fc.constant('items-released'),
    ref,
    items: fc.array(
      record({
        position: int32,
        frames: count.map((value) => value || 1),
        sourceBytes: count,
        segmentKey: text,
      }),
      few,
    ),
  }),
  'items-reclaimed': record<AgentKind<'items-reclaimed'>>({
    kind: fc.constant('items-reclaimed'),
    ref,
    positions: fc.array(int32, few),
    why: fc.constantFrom('own-turn', 'not-in-cache'),
  }),
  'item-finished': record<AgentKind<'item-finished'>>(
    {
      kind: fc.constant('item-finished'),
      item: itemRef,
      result: fc.constantFrom('done', 'declined', 'failed', 'stopped'),
      reused: fc.boolean(),
      framesEncoded: count,
      code: text,
      message: text,
    },
    'code',
    'message',
  ),
  goodbye: record<AgentKind<'goodbye'>>({
    kind: fc.constant('goodbye'),
    reason: fc.constantFrom('shutdown', 'upgrade', 'sleep'),
    givesBack: fc.array(ref, few),
  }),
};

export const agentMessages: fc.Arbitrary<AgentMessage> = fc.oneof(...Object.values(agentKinds));
