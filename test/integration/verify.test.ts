import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { stringify } from 'yaml';
import { createAgent } from '../../agent/agent.ts';
import { parseAgentConfig } from '../../agent/config.ts';
import { connect } from '../../client/renderfarm-client.ts';
import { readConfig } from '../../controller/config.ts';
import { type Controller, startController } from '../../controller/controller.ts';
import { makeSite } from '../helpers/agent-farm.ts';
import { startCli } from '../helpers/cli-process.ts';
import { makeMedia, makeSignalClip } from '../helpers/media.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Reply {
  readonly accepted: boolean;
  readonly renderable: boolean | null;
  readonly total_duration: number;
  readonly queue_name: string;
  readonly expected_agent: string | null;
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

/** A real controller, and two real agents with different mounts: pc1 has the clips, pc2 has more. */
class Farm {
  readonly controller: Controller;
  readonly folder: string;
  readonly #closers: (() => Promise<unknown>)[];

  private constructor(controller: Controller, folder: string, closers: (() => Promise<unknown>)[]) {
    this.controller = controller;
    this.folder = folder;
    this.#closers = closers;
  }

  static async start(t: Pick<TestContext, 'after'>): Promise<Farm> {
    const folder = await tempFolder(t);
    const file = join(folder, 'controller.yaml');
    const shares = [
      { name: 'clips', roots: ['\\\\nas\\Clips'], role: 'source' },
      { name: 'more', roots: ['\\\\nas\\More'], role: 'source' },
      { name: 'results', roots: ['\\\\nas\\Out'], role: 'output' },
    ];
    await writeFile(join(folder, 'catalog.csv'), 'video_id,path\nv1,\\\\nas\\Clips\\a.mp4\n');
    const settings = {
      ...{ listen: ['127.0.0.1:0'], web: { listen: ['127.0.0.1:0'] }, dataDir: join(folder, 'controller') },
      ...{ shares, output: { share: 'results' }, catalogFile: join(folder, 'catalog.csv') },
    };
    await writeFile(file, stringify(settings));
    const config = readConfig({ argv: ['--config', file], env: {}, folder });
    assert.notEqual(config, 'help');
    const signal = AbortSignal.timeout(30_000);
    const controller = await startController({
      config: config as Exclude<typeof config, 'help'>,
      log: silent,
      signal,
    });
    const closers: (() => Promise<unknown>)[] = [];
    for (const [agentId, share] of [
      ['pc1', 'clips'],
      ['pc2', 'more'],
    ] as const) {
      const site = await makeSite(join(folder, agentId), controller.addresses[0] ?? '');
      if (share === 'more') await rename(join(site.folder, 'clips'), join(site.folder, 'more'));
      const root = share === 'clips' ? '\\\\nas\\Clips' : '\\\\nas\\More';
      const mounts = {
        [share]: { roots: [root], localPath: join(site.folder, share) },
        results: { roots: ['\\\\nas\\Out'], localPath: site.output },
      };
      const queues = ['default_queue', 'gpu_queue'];
      const agentConfig = parseAgentConfig(
        { ...site.config, token: undefined, queues, agentId, mounts },
        'test',
      );
      const agent = createAgent(agentConfig, { logger: pino({ level: 'silent' }), tickMs: 20 });
      closers.push(() => agent.stop());
      await agent.start();
    }
    const farm = new Farm(controller, folder, closers);
    const attached = () => farm.get<{ agents: readonly object[] }>('/api/admin/agents');
    while ((await attached()).agents.length < 2) signal.throwIfAborted();
    return farm;
  }

  get clips(): string {
    return join(this.folder, 'pc1', 'clips');
  }

  async get<T>(path: string): Promise<T> {
    return (await (await fetch(`http://${this.controller.webAddresses[0]}${path}`)).json()) as T;
  }

  async post(path: string, body: object): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await fetch(`http://${this.controller.webAddresses[0]}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return { status: response.status, body: await response.json() };
  }

  async verify(items: readonly object[], more: object = {}): Promise<Reply> {
    const job = { user_id: 'ann', channel_name: 'Kids', items: [...items], ...more };
    const { status, body } = await this.post('/api/jobs/verify', job);
    assert.equal(status, 200, JSON.stringify(body));
    return body as Reply;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#closers.map((close) => close()));
    await this.controller.stop();
  }
}

function video(position: number, path: string, more: object = {}) {
  return { position, item_type: 'video', path, ...more };
}

function codesOf({ items }: Reply): readonly string[] {
  return items.map((item) => (item['problems'] as { code: string }[]).map(({ code }) => code).join());
}

suite('verifying over HTTP, gRPC and the command line, with real agents and real files', () => {
  let farm: Farm;
  const closers: (() => Promise<void>)[] = [];
  before(async () => {
    farm = await Farm.start({ after: (close) => void closers.push(close as () => Promise<void>) });
    const { clips } = farm;
    await copyFile(
      await makeSignalClip({ size: '3840x2160', seconds: 0.2, sound: 'none' }),
      join(clips, 'k.mp4'),
    );
    await copyFile(
      await makeMedia('png', ['-f', 'lavfi', '-i', 'color=red:s=64x48', '-frames:v', '1']),
      join(clips, 'p.png'),
    );
    await writeFile(join(clips, 'cut.mp4'), (await readFile(join(clips, 'a.mp4'))).subarray(0, 4_000));
    await mkdir(join(clips, 'deep'));
    await cp(join(clips, 'a.mp4'), join(clips, 'deep', 'ä ß.mp4'));
  });
  after(async () => {
    await farm.stop();
    for (const close of closers) await close();
  });

  test('says of each file what it is, and takes its own answer as a submit', async () => {
    const said = await farm.verify([
      video(0, '', { video_id: 'v1', path: '\\\\nas\\Clips\\elsewhere.mp4', text_animation_text: 'Hi' }),
      video(1, '\\\\nas\\Clips\\k.mp4', {
        logo_path: '\\\\nas\\Clips\\p.png',
        text_animation_words: ['so', 'it'],
      }),
      video(2, '\\\\nas\\Clips\\deep\\ä ß.mp4'),
      { position: 3, item_type: 'image', path: '\\\\nas\\Clips\\p.png', duration: 2.5 },
    ]);
    assert.deepEqual([said.accepted, said.renderable, said.queue_name], [true, true, 'gpu_queue']);
    assert.deepEqual(
      said.items.map((item) => [
        item['path'],
        item['resolution'],
        item['is_4k'],
        item['path_available'],
        item['codec'],
      ]),
      [
        ['\\\\nas\\Clips\\a.mp4', '320x240', false, true, 'h264'],
        ['\\\\nas\\Clips\\k.mp4', '3840x2160', true, true, 'h264'],
        ['\\\\nas\\Clips\\deep\\ä ß.mp4', '320x240', false, true, 'h264'],
        ['\\\\nas\\Clips\\p.png', '64x48', false, true, 'png'],
      ],
    );
    assert.ok(Math.abs(said.total_duration - 4.7) < 0.2, `${said.total_duration} s`);
    assert.equal(said.items[3]?.['duration'], 2.5);
    assert.equal(said.expected_agent, 'pc1');
    const { status, body } = await farm.post('/api/jobs/submit', said);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal((body as { queue: string }).queue, 'gpu_queue', 'by the rules, as it was told');
  });

  test('says everything that is wrong, and looks at nothing outside of the shares', async () => {
    const said = await farm.verify(
      [
        video(0, '\\\\nas\\Clips\\gone.mp4'),
        video(1, '\\\\nas\\Clips\\cut.mp4'),
        video(2, '\\\\nas\\Clips\\a.mp4', { logo_path: '\\\\nas\\Clips\\no-logo.png' }),
        video(3, '\\\\nas\\Clips\\..\\..\\etc\\passwd'),
        video(4, '\\\\nas\\Out\\result.mp4'),
        video(5, '', { video_id: 'nobody knows' }),
        video(6, '\\\\nas\\Clips\\p.png'),
        { position: 7, item_type: 'something', path: '\\\\nas\\Clips\\a.mp4' },
      ],
      { user_id: null, priority: 'never' },
    );
    assert.deepEqual(codesOf(said), [
      'FILE_MISSING',
      'MEDIA_UNREADABLE',
      'FILE_MISSING',
      'PATH_MALFORMED',
      'PATH_OUTSIDE_SHARES',
      'UNKNOWN_VIDEO_ID',
      'DURATION_UNKNOWN',
      'INVALID_JOB',
    ]);
    assert.deepEqual([said.accepted, said.renderable], [false, false]);
    assert.deepEqual(
      said.items.map((item) => item['path_available']),
      [false, true, true, null, null, null, true, true],
    );
  });

  test('asks each share of the agent that mounts it', async () => {
    const said = await farm.verify([video(0, '\\\\nas\\Clips\\a.mp4'), video(1, '\\\\nas\\More\\b.mp4')]);
    assert.deepEqual(
      said.items.map((item) => item['resolution']),
      ['320x240', '640x360'],
    );
    assert.equal(said.expected_agent, null, 'neither of them mounts both');
  });

  test('over gRPC and on the command line: a table, and a code that says whether it is good', async () => {
    const [address = ''] = farm.controller.addresses;
    const items = [{ itemType: 'video', path: '\\\\nas\\Clips\\a.mp4' }] as const;
    using client = connect({ addresses: [address] });
    const said = await client.verify({ userId: 'ann', channelName: 'Kids', items });
    assert.deepEqual(
      [said.accepted, said.renderable, said.items[0]?.width, said.plannedAgentId],
      [true, true, 320, 'pc1'],
    );
    const file = join(farm.folder, 'job.json');
    const run = async (path: string) => {
      const job = { user_id: 'ann', channel_name: 'Kids', items: [{ item_type: 'video', path }] };
      await writeFile(file, JSON.stringify(job));
      return await startCli(['verify', file, '--address', address]).ended;
    };
    const good = await run('\\\\nas\\Clips\\a.mp4');
    assert.equal(good.code, 0, good.stderr);
    const text = good.lines.join('\n');
    assert.match(text, /ok +0:01 +320x240 +- +h264 +\\\\nas\\Clips\\a\.mp4/u);
    assert.match(text, /It would be taken: 1 video, 0:01; queue default_queue/u);
    const bad = await run('\\\\nas\\Clips\\gone.mp4');
    assert.equal(bad.code, 2, bad.stderr);
    assert.match(bad.lines.join('\n'), /item 0: path: FILE_MISSING: .*gone\.mp4 does not exist/u);
  });
});
