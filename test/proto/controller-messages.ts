import fc from 'fast-check';
import type { ControllerMessage } from '../../proto/agent-link.ts';
import {
  anyText,
  atMs,
  count,
  few,
  int32,
  item,
  itemRef,
  job,
  manifest,
  output,
  rateProfile,
  record,
  ref,
  spanMs,
  stopOutcome,
  text,
  texts,
  verdict,
} from './parts.ts';

type ControllerKind<K extends ControllerMessage['kind']> = Extract<ControllerMessage, { kind: K }>;

export const assign = record<ControllerKind<'assign'>>({
  kind: fc.constant('assign'),
  ref,
  attemptNumber: int32.map((value) => value || 1),
  job,
  resolution: record({ queryMs: spanMs, found: int32, missing: texts, resolvedAtMs: atMs }),
  output,
  limits: record({ softRunMs: spanMs, hardRunMs: spanMs, stallMs: spanMs, startStallMs: spanMs }),
});

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
  'look-at-files': record<ControllerKind<'look-at-files'>>({
    kind: fc.constant('look-at-files'),
    lookId: text,
    paths: fc.array(text, few),
    limitMs: spanMs,
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
  'release-items': record<ControllerKind<'release-items'>>({
    kind: fc.constant('release-items'),
    ref,
    itemsMax: fc.nat(2_000),
    outputMaxMs: spanMs,
  }),
  'assign-item': record<ControllerKind<'assign-item'>>({
    kind: fc.constant('assign-item'),
    item: itemRef,
    job,
    frames: count,
    segmentKey: text,
    runMs: spanMs,
    stallMs: spanMs,
    startStallMs: spanMs,
  }),
  'cancel-item': record<ControllerKind<'cancel-item'>>({
    kind: fc.constant('cancel-item'),
    item: itemRef,
    reason: anyText,
  }),
  'item-assigned': record<ControllerKind<'item-assigned'>>({
    kind: fc.constant('item-assigned'),
    item: itemRef,
    agentId: text,
    endsInMs: spanMs,
  }),
  'item-ended': record<ControllerKind<'item-ended'>>({
    kind: fc.constant('item-ended'),
    item: itemRef,
    agentId: text,
    isDone: fc.boolean(),
    reason: anyText,
  }),
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

export const controllerMessages: fc.Arbitrary<ControllerMessage> = fc.oneof(
  ...Object.values(controllerKinds),
);
