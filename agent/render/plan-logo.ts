import assert from 'node:assert/strict';
import { planColor } from './color.ts';
import { reducedLogoSize, uprightSize } from './geometry.ts';
import { findStillDamage } from './plan-length.ts';
import type { Complaints } from './plan-problems.ts';
import type { LogoPlan, Size } from './render-plan.ts';
import type { SourceFile } from './render-request.ts';
import { choosePicture } from './streams.ts';

/** A logo keeps its own pixels, and is reduced only when it does not fit between its margins. */
export function planLogo(logo: SourceFile, frame: Size, complaints: Complaints): LogoPlan | undefined {
  const { complain } = complaints;
  assert.match(logo.fileName, /^logo_\d+\.png$/u);
  const { facts, sourcePath } = logo;
  const stream = facts === undefined ? undefined : choosePicture(facts);
  if (facts === undefined || stream === undefined || !facts.isImage) {
    const reason = logo.probeError === undefined ? '' : `: ${logo.probeError}`;
    complain('LOGO_UNREADABLE', `The logo is no image that can be read: ${sourcePath}${reason}`, sourcePath);
    return undefined;
  }
  if (facts.formatName.includes('svg')) {
    complain(
      'IMAGE_UNSUPPORTED',
      `The logo is an SVG, which has no pixels of its own: ${sourcePath}`,
      sourcePath,
    );
    return undefined;
  }
  findStillDamage(sourcePath, facts, complaints);
  return {
    fileName: logo.fileName,
    sha256: logo.sha256,
    // FFmpeg turns a photo upright before our filters see it.
    reducedTo: reducedLogoSize(frame, uprightSize(stream)),
    color: planColor(stream),
  };
}
