import { z } from 'zod';
import { count, durationMs, path, uncRoot } from './config-field-schemas.ts';

/** `catalogFolder` of the settings. */
export const catalogFolderSettings = z.strictObject({
  path: path.describe('The folder, where its share is mounted on this PC.'),
  root: uncRoot.describe('UNC path of that folder, in a source share: what agents are told.'),
  rescanMs: durationMs.default(300_000).describe('It is scanned again after this, when somebody asks.'),
  rescanMinMs: durationMs
    .default(5_000)
    .describe('For an id that is not there it is scanned at once, but not more often than this.'),
  filesMax: count(1, 10_000_000)
    .default(200_000)
    .describe('Names in it and below; with more it cannot be used.'),
  depthMax: count(0, 64).default(16).describe('Folders below each other; deeper ones are left out.'),
});
