import type { AnnulPublish, AnnulPublishReply, FinishPublish, FinishPublishReply } from '../agent-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { annulPublishResults, finishPublishResults } from './enums.ts';
import { optionalText } from './read.ts';
import { fromManifest, fromOutput, fromRef, toManifest, toOutput, toRef } from './work.ts';

/** Finish and annul name the same things: the attempt, where its file lies, what it must be, on which share. */
export function toPublication(
  publication: FinishPublish | AnnulPublish,
): CompleteWire<agent.FinishPublish> & CompleteWire<agent.AnnulPublish> {
  return {
    ref: toRef(publication.ref),
    output: toOutput(publication.output),
    manifest: toManifest(publication.manifest),
    shareId: publication.shareId ?? '',
  };
}

export function fromFinishPublish(wire: agent.FinishPublish): FinishPublish {
  return compact<FinishPublish>({ kind: 'finish-publish', ...fromPublication(wire, 'finish_publish') });
}

export function fromAnnulPublish(wire: agent.AnnulPublish): AnnulPublish {
  return compact<AnnulPublish>({ kind: 'annul-publish', ...fromPublication(wire, 'annul_publish') });
}

export function toFinishPublishReply(reply: FinishPublishReply): CompleteWire<agent.FinishPublishReply> {
  return {
    ref: toRef(reply.ref),
    result: finishPublishResults.toWire(reply.result),
    publishedPath: reply.publishedPath ?? '',
    detail: reply.detail ?? '',
  };
}

export function fromFinishPublishReply(wire: agent.FinishPublishReply): FinishPublishReply {
  return compact<FinishPublishReply>({
    kind: 'finish-publish-reply',
    ref: fromRef(wire.ref, 'finish_publish_reply.ref'),
    result: finishPublishResults.fromWire(wire.result, 'finish_publish_reply.result'),
    publishedPath: optionalText(wire.publishedPath),
    detail: optionalText(wire.detail),
  });
}

export function toAnnulPublishReply(reply: AnnulPublishReply): CompleteWire<agent.AnnulPublishReply> {
  return {
    ref: toRef(reply.ref),
    result: annulPublishResults.toWire(reply.result),
    publishedPath: reply.publishedPath ?? '',
    detail: reply.detail ?? '',
  };
}

export function fromAnnulPublishReply(wire: agent.AnnulPublishReply): AnnulPublishReply {
  return compact<AnnulPublishReply>({
    kind: 'annul-publish-reply',
    ref: fromRef(wire.ref, 'annul_publish_reply.ref'),
    result: annulPublishResults.fromWire(wire.result, 'annul_publish_reply.result'),
    publishedPath: optionalText(wire.publishedPath),
    detail: optionalText(wire.detail),
  });
}

function fromPublication(wire: agent.FinishPublish | agent.AnnulPublish, field: string) {
  return {
    ref: fromRef(wire.ref, `${field}.ref`),
    output: fromOutput(wire.output, `${field}.output`),
    manifest: fromManifest(wire.manifest, `${field}.manifest`),
    shareId: optionalText(wire.shareId),
  };
}
