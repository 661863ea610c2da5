import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runProcess } from '../agent/process/run.ts';
import { encoderArguments, encoderRung } from '../agent/render/encoder.ts';
import { inputArguments } from '../agent/render/ffmpeg-arguments.ts';
import { resolveFont, writeFont } from '../agent/render/fonts.ts';
import { fontsFolderName, segmentGraph } from '../agent/render/graph.ts';
import { planRender } from '../agent/render/plan.ts';
import type { RenderRequest } from '../agent/render/render-request.ts';
import { scriptFileName } from '../agent/render/segment.ts';
import { textAnimation } from '../agent/render/text-animation.ts';

/**
 * The old way, fixed: one FFmpeg with every input in one filter graph. The same filters as ours in the same order, the
 * same encoder, rates, sound coder and threads; nothing more.
 */
export async function renderGiant(request: RenderRequest): Promise<void> {
  const planned = planRender(request);
  if (!planned.ok) throw new Error(planned.problems.map(({ message }) => message).join('\n'));
  const { segments, frameSize } = planned.plan;
  const rung = encoderRung(request.encoder.rung);
  const font = await resolveFont();
  await writeFont(font, path.join(request.workFolder, fontsFolderName));
  const inputs: string[] = [];
  const graphs: string[] = [];
  let input = 0;
  for (const segment of segments) {
    const { position, frames, text, logo } = segment;
    if (text !== undefined) {
      const script = textAnimation({ text, frames, fontFamily: font.family });
      await writeFile(path.join(request.workFolder, scriptFileName(segment)), script);
    }
    const ports = { input, scriptName: scriptFileName(segment), suffix: `_${position}` };
    graphs.push(segmentGraph(segment, frameSize, rung, ports));
    inputs.push(
      ...inputArguments(segment.fileName),
      ...(logo === undefined ? [] : inputArguments(logo.fileName)),
    );
    input += logo === undefined ? 1 : 2;
  }
  const pads = segments.map(({ position }) => `[v_${position}][a_${position}]`).join('');
  const graph = `${graphs.join(';')};${pads}concat=n=${segments.length}:v=1:a=1[v][a]`;
  const result = await runProcess({
    file: request.ffmpeg.ffmpeg,
    cwd: request.workFolder,
    args: [
      ...['-hide_banner', '-nostdin', '-y', '-v', 'error', ...inputs],
      ...['-filter_complex', graph, '-map', '[v]', '-map', '[a]'],
      ...encoderArguments(rung, { enable4k: request.enable4k, profile: request.encoder.profile }),
      ...['-c:a', 'aac', '-aac_coder', 'fast', '-b:a', '320k', '-ar', '48000', '-ac', '2'],
      ...['-movflags', '+faststart', request.outputFile],
    ],
  });
  if (!result.succeeded) throw new Error(`The giant graph failed: ${result.stderrTail.join('\n')}`);
}
