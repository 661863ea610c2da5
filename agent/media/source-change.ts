import type { SourceVersion } from './share-protocol.ts';

/** How a later look at the same file compares with an earlier one. */
export function changeOf(before: SourceVersion, after: SourceVersion): 'none' | 'grows' | 'other' {
  const [earlier, later] = [BigInt(before.changedAtNs), BigInt(after.changedAtNs)];
  if (after.sizeBytes === before.sizeBytes && later === earlier) return 'none';
  // A writer only adds, and time only goes on; whatever else happened, it is another file now.
  return after.sizeBytes >= before.sizeBytes && later >= earlier ? 'grows' : 'other';
}
