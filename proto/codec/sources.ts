import type { AskSources, PrefetchReport, SourcesReport } from '../agent-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { prefetchStates, rateProfiles } from './enums.ts';
import { count, id, list, optionalText } from './read.ts';
import { fromDuration, toDuration } from './time.ts';
import { fromItem, itemsMax, toItem } from './work.ts';

export function toPrefetchReport(report: PrefetchReport): CompleteWire<agent.PrefetchReport> {
  return {
    announcementId: report.announcementId,
    jobId: report.jobId,
    state: prefetchStates.toWire(report.state),
    files: report.files,
    bytes: report.bytes,
    message: report.message ?? '',
    totalBytes: report.totalBytes ?? 0,
  };
}

export function fromPrefetchReport(wire: agent.PrefetchReport): PrefetchReport {
  return compact<PrefetchReport>({
    kind: 'prefetch-report',
    announcementId: id(wire.announcementId, 'prefetch_report.announcement_id'),
    jobId: id(wire.jobId, 'prefetch_report.job_id'),
    state: prefetchStates.fromWire(wire.state, 'prefetch_report.state'),
    files: count(wire.files, 'prefetch_report.files'),
    bytes: count(wire.bytes, 'prefetch_report.bytes'),
    totalBytes: count(wire.totalBytes, 'prefetch_report.total_bytes') || undefined,
    message: optionalText(wire.message),
  });
}

export function toAskSources(ask: AskSources): CompleteWire<agent.AskSources> {
  return {
    jobId: ask.jobId,
    enable4k: ask.enable4k,
    rateProfile: rateProfiles.toWire(ask.rateProfile),
    items: ask.items.map(toItem),
  };
}

export function fromAskSources(wire: agent.AskSources): AskSources {
  return compact<AskSources>({
    kind: 'ask-sources',
    jobId: id(wire.jobId, 'ask_sources.job_id'),
    enable4k: wire.enable4k,
    rateProfile: rateProfiles.fromWire(wire.rateProfile, 'ask_sources.rate_profile'),
    items: list(wire.items, 'ask_sources.items', itemsMax, fromItem),
  });
}

export function toSourcesReport(report: SourcesReport): CompleteWire<agent.SourcesReport> {
  return {
    jobId: report.jobId,
    totalBytes: report.totalBytes,
    presentBytes: report.presentBytes,
    presentOutput: toDuration(report.presentOutputMs),
    message: report.message ?? '',
  };
}

export function fromSourcesReport(wire: agent.SourcesReport): SourcesReport {
  return compact<SourcesReport>({
    kind: 'sources-report',
    jobId: id(wire.jobId, 'sources_report.job_id'),
    totalBytes: count(wire.totalBytes, 'sources_report.total_bytes'),
    presentBytes: count(wire.presentBytes, 'sources_report.present_bytes'),
    presentOutputMs: fromDuration(wire.presentOutput, 'sources_report.present_output'),
    message: optionalText(wire.message),
  });
}
