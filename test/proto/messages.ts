import fc from 'fast-check';
import type { AgentMessage, ControllerMessage } from '../../proto/agent-link.ts';
import {
  anyText,
  atMs,
  count,
  event,
  few,
  held,
  heldState,
  int32,
  inventory,
  item,
  job,
  manifest,
  outcome,
  output,
  percent,
  rateProfile,
  ratio,
  record,
  ref,
  spanMs,
  stopOutcome,
  text,
  texts,
  verdict,
} from './parts.ts';

type AgentKind<K extends AgentMessage['kind']> = Extract<AgentMessage, { kind: K }>;
type ControllerKind<K extends ControllerMessage['kind']> = Extract<ControllerMessage, { kind: K }>;

const assign = record<ControllerKind<'assign'>>({
  kind: fc.constant('assign'),
  ref,
  attemptNumber: int32.map((value) => value || 1),
  job,
  resolution: record({ queryMs: spanMs, found: int32, missing: texts, resolvedAtMs: atMs }),
  output,
  limits: record({ softRunMs: spanMs, hardRunMs: spanMs, stallMs: spanMs, startStallMs: spanMs }),
});

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
    },
    'farmId',
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
  goodbye: record<AgentKind<'goodbye'>>({
    kind: fc.constant('goodbye'),
    reason: fc.constantFrom('shutdown', 'upgrade', 'sleep'),
    givesBack: fc.array(ref, few),
  }),
};

const controllerKinds: { readonly [K in ControllerMessage['kind']]: fc.Arbitrary<ControllerKind<K>> } = {
  welcome: record<ControllerKind<'welcome'>>({
    kind: fc.constant('welcome'),
    farmId: text,
    term: count,
    leaderId: text,
    sessionId: text,
    protocolVersion: int32,
    heartbeatMs: spanMs,
    progressMinMs: spanMs,
    progressMaxMs: spanMs,
    ackedEvent: count,
    verdicts: fc.array(record({ ref, decision: verdict }), few),
  }),
  assign,
  announce: record<ControllerKind<'announce'>>({
    kind: fc.constant('announce'),
    announcementId: text,
    jobId: fc.uuid(),
    channelName: anyText,
    items: fc.array(item, few),
  }),
  'ask-sources': record<ControllerKind<'ask-sources'>>({
    kind: fc.constant('ask-sources'),
    jobId: fc.uuid(),
    enable4k: fc.boolean(),
    rateProfile,
    items: fc.array(item, few),
  }),
  withdraw: record<ControllerKind<'withdraw'>>({
    kind: fc.constant('withdraw'),
    announcementId: text,
    jobId: fc.uuid(),
  }),
  cancel: record<ControllerKind<'cancel'>>({
    kind: fc.constant('cancel'),
    ref,
    mode: fc.constantFrom('graceful', 'kill'),
    graceMs: spanMs,
    reason: anyText,
    outcome: stopOutcome,
  }),
  'publish-grant': record<ControllerKind<'publish-grant'>>({
    kind: fc.constant('publish-grant'),
    ref,
    finalName: text,
  }),
  'publish-refused': record<ControllerKind<'publish-refused'>>({
    kind: fc.constant('publish-refused'),
    ref,
    reason: anyText,
  }),
  'finish-publish': record<ControllerKind<'finish-publish'>>(
    { kind: fc.constant('finish-publish'), ref, output, manifest, shareId: text },
    'shareId',
  ),
  'annul-publish': record<ControllerKind<'annul-publish'>>(
    { kind: fc.constant('annul-publish'), ref, output, manifest, shareId: text },
    'shareId',
  ),
  recall: record<ControllerKind<'recall'>>({ kind: fc.constant('recall'), ref }),
  'set-mode': record<ControllerKind<'set-mode'>>(
    {
      kind: fc.constant('set-mode'),
      mode: fc.constantFrom('active', 'cordoned', 'draining', 'evict'),
      deadlineMs: spanMs,
      reason: anyText,
    },
    'deadlineMs',
  ),
  'check-host': record<ControllerKind<'check-host'>>({
    kind: fc.constant('check-host'),
    checkId: text,
    causes: texts,
    shares: texts,
  }),
  discard: record<ControllerKind<'discard'>>({ kind: fc.constant('discard'), ref, stagingFolder: text }),
  'event-ack': record<ControllerKind<'event-ack'>>({ kind: fc.constant('event-ack'), number: count }),
  'heartbeat-ack': record<ControllerKind<'heartbeat-ack'>>({
    kind: fc.constant('heartbeat-ack'),
    sequence: count,
    term: count,
  }),
  probe: record<ControllerKind<'probe'>>({ kind: fc.constant('probe'), probeId: text }),
  goodbye: record<ControllerKind<'goodbye'>>(
    {
      kind: fc.constant('goodbye'),
      reason: fc.constantFrom('restart', 'superseded', 'redirect', 'refused'),
      comeBackAfterMs: spanMs,
      address: text,
    },
    'address',
  ),
};

export const agentMessages: fc.Arbitrary<AgentMessage> = fc.oneof(...Object.values(agentKinds));
export const controllerMessages: fc.Arbitrary<ControllerMessage> = fc.oneof(
  ...Object.values(controllerKinds),
);
