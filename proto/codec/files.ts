import type { FileSeen, FilesSeen, LookAtFiles } from '../file-link.ts';
import { lookFilesMax } from '../file-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { fileStates } from './enums.ts';
import { count, given, id, list, optionalText } from './read.ts';
import { fromDuration, fromOptionalDuration, toDuration, toOptionalDuration } from './time.ts';

export function toLookAtFiles(look: LookAtFiles): CompleteWire<agent.LookAtFiles> {
  return { lookId: look.lookId, paths: look.paths, limit: toDuration(look.limitMs) };
}

export function fromLookAtFiles(wire: agent.LookAtFiles): LookAtFiles {
  return compact<LookAtFiles>({
    kind: 'look-at-files',
    lookId: id(wire.lookId, 'look_at_files.look_id'),
    paths: list(wire.paths, 'look_at_files.paths', lookFilesMax, given),
    limitMs: fromDuration(wire.limit, 'look_at_files.limit'),
  });
}

export function toFilesSeen(seen: FilesSeen): CompleteWire<agent.FilesSeen> {
  return { lookId: seen.lookId, files: seen.files.map(toFileSeen) };
}

export function fromFilesSeen(wire: agent.FilesSeen): FilesSeen {
  return compact<FilesSeen>({
    kind: 'files-seen',
    lookId: id(wire.lookId, 'files_seen.look_id'),
    files: list(wire.files, 'files_seen.files', lookFilesMax, fromFileSeen),
  });
}

function toFileSeen(file: FileSeen): CompleteWire<agent.FileSeen> {
  return {
    state: fileStates.toWire(file.state),
    sizeBytes: file.sizeBytes ?? 0,
    duration: toOptionalDuration(file.durationMs),
    width: file.width ?? 0,
    height: file.height ?? 0,
    codec: file.codec ?? '',
    isImage: file.isImage,
    code: file.code ?? '',
    message: file.message ?? '',
  };
}

function fromFileSeen(wire: agent.FileSeen, field: string): FileSeen {
  return compact<FileSeen>({
    state: fileStates.fromWire(wire.state, `${field}.state`),
    sizeBytes: count(wire.sizeBytes, `${field}.size_bytes`) || undefined,
    durationMs: fromOptionalDuration(wire.duration, `${field}.duration`),
    width: count(wire.width, `${field}.width`) || undefined,
    height: count(wire.height, `${field}.height`) || undefined,
    codec: optionalText(wire.codec),
    isImage: wire.isImage,
    code: optionalText(wire.code),
    message: optionalText(wire.message),
  });
}
