import type { PrepareAndRender, RenderedAttempt } from '../agent/attempt/prepare-and-render.ts';
import { prepare } from '../agent/attempt/prepare-step.ts';
import { renderStep } from '../agent/attempt/render-step.ts';

/** As attempts were before items were rendered while others are copied: all files, all probes, then all segments. */
export async function prepareAndRender(run: PrepareAndRender): Promise<RenderedAttempt> {
  const { report, usage } = run;
  const prepared = await prepare({ ...run, room: run.scratch, onFile: (file) => usage.fetched(file) });
  const { copiedBytes, reusedBytes } = usage.total();
  report({ type: 'prepared', copiedBytes, reusedBytes, totalFrames: prepared.plan.frames });
  const output = await renderStep({
    ...run,
    board: prepared.board,
    onProgress: ({ percent, framesDone, framesTotal }) =>
      report({
        type: 'progress',
        percent,
        framesDone,
        framesTotal,
        waitedForSharesMs: usage.waitedForSharesMs(),
      }),
    onSegment: (segment) => report({ type: 'segment', ...segment }),
    onEncoded: () => report({ type: 'encoded' }),
  });
  return { output, release: () => prepared.release() };
}
