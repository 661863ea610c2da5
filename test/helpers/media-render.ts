import { createHash } from 'node:crypto';
import { link, mkdir, mkdtemp, mkdtempDisposable, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { probeMedia } from '../../agent/media/probe.ts';
import { runProcess } from '../../agent/process/run.ts';
import type { CommandEntry } from '../../agent/render/command-log.ts';
import type { MediaFacts } from '../../agent/render/facts.ts';
import type { RenderHooks } from '../../agent/render/render-hooks.ts';
import { renderJob } from '../../agent/render/render-job.ts';
import type { RenderItem, RenderRequest, SourceFile } from '../../agent/render/render-request.ts';
import type { RenderResult } from '../../agent/render/render-result.ts';
import type { ItemType } from '../../proto/agent-link.ts';

/** An item by the file that it shows. */
export interface TestItem {
  readonly file: string;
  readonly itemType?: ItemType;
  readonly durationMs?: number;
  readonly title?: string;
  readonly text?: string;
  readonly logo?: string;
}

export interface TestRender extends AsyncDisposable {
  readonly request: RenderRequest;
  readonly folder: string;
  readonly commands: CommandEntry[];
  readonly stderr: string[];
  render(hooks?: Partial<RenderHooks>): Promise<RenderResult>;
}

/** A work folder with the items' files as an agent would have put them there. */
export async function prepareRender(
  items: readonly TestItem[],
  options: Partial<RenderRequest> = {},
): Promise<TestRender> {
  const folder = await mkdtemp(path.join(tmpdir(), 'renderfarm-render-'));
  const workFolder = path.join(folder, 'work');
  await mkdir(workFolder);
  const prepared: RenderItem[] = [];
  for (const [index, item] of items.entries()) prepared.push(await prepareItem(workFolder, item, index * 2));
  const commands: CommandEntry[] = [];
  const stderr: string[] = [];
  const request: RenderRequest = {
    jobId: '00000000-0000-4000-8000-000000000000',
    enable4k: false,
    items: prepared,
    workFolder,
    outputFile: path.join(folder, 'result.mp4'),
    encoder: { rung: 'libx264', profile: 'studio' },
    ffmpeg: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', versionText: await ffmpegVersion() },
    concurrency: 2,
    stallMs: 60_000,
    startStallMs: 60_000,
    ...options,
  };
  return {
    request,
    folder,
    commands,
    stderr,
    render: async (hooks = {}) =>
      await renderJob(request, {
        signal: new AbortController().signal,
        log: { command: (entry) => commands.push(entry), stderr: (_label, line) => stderr.push(line) },
        ...hooks,
      }),
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/** Renders, and demands that it succeeds. */
export async function renderToFile(
  job: TestRender,
): Promise<Extract<RenderResult, { status: 'rendered' }>['output']> {
  const result = await job.render();
  if (result.status !== 'rendered') {
    throw new Error(`${JSON.stringify(result, undefined, 2)}\n${job.stderr.slice(-30).join('\n')}`);
  }
  return result.output;
}

async function prepareItem(workFolder: string, item: TestItem, position: number): Promise<RenderItem> {
  const itemType = item.itemType ?? 'video';
  const source = await putFile(workFolder, item.file, `${itemType}_${position}${path.extname(item.file)}`);
  const logo =
    item.logo === undefined ? undefined : await putFile(workFolder, item.logo, `logo_${position}.png`);
  return {
    ...source,
    position,
    itemType,
    ...(item.durationMs === undefined ? {} : { durationMs: item.durationMs }),
    ...(item.title === undefined ? {} : { title: item.title }),
    ...(item.text === undefined ? {} : { text: item.text }),
    ...(logo === undefined ? {} : { logo }),
  };
}

async function putFile(workFolder: string, from: string, fileName: string): Promise<SourceFile> {
  const to = path.join(workFolder, fileName);
  await link(from, to);
  const sha256 = createHash('sha256')
    .update(await readFile(from))
    .digest('hex');
  const sourcePath = `\\\\nas\\Share\\${path.basename(from)}`;
  try {
    return { fileName, sourcePath, sha256, facts: await probeContent(from, sha256) };
  } catch (error) {
    return { fileName, sourcePath, sha256, probeError: (error as Error).message };
  }
}

/** As an agent does it: out of a cache whose names have no extension, so that it does not count. */
async function probeContent(file: string, sha256: string): Promise<MediaFacts> {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'renderfarm-content-'));
  const content = path.join(folder.path, sha256);
  await symlink(file, content);
  return await probeMedia(content);
}

async function ffmpegVersion(): Promise<string> {
  const result = await runProcess({ file: 'ffmpeg', args: ['-version'], stdoutCharsMax: 10_000 });
  return result.stdout;
}
