import type { ShareSettings } from './settings.ts';

/**
 * The share that a UNC path lies on: the one with the longest root before it. Hosts, shares and folders compare
 * without case, as Windows does; `/` counts as `\`. Undefined: on none.
 */
export function shareOf(uncPath: string, shares: readonly ShareSettings[]): ShareSettings | undefined {
  const path = folded(uncPath);
  let best: { readonly share: ShareSettings; readonly length: number } | undefined;
  for (const share of shares) {
    for (const root of share.roots) {
      if (!path.startsWith(`${folded(root)}\\`)) continue;
      if (best === undefined || root.length > best.length) best = { share, length: root.length };
    }
  }
  return best?.share;
}

/** The share that a source may be read from; undefined: none, a job may not use it. */
export function sourceShareOf(uncPath: string, shares: readonly ShareSettings[]): ShareSettings | undefined {
  const share = shareOf(uncPath, shares);
  return share?.role === 'source' ? share : undefined;
}

function folded(path: string): string {
  return path.replaceAll('/', '\\').replace(/\\+$/u, '').toLowerCase();
}
