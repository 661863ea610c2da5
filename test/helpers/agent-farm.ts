import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { Assign, ItemType, JobRef } from '../../proto/index.ts';
import { assignment } from './agent-core.ts';
import { makeMedia } from './media.ts';

/** A small share with two clips, and folders for one agent. */
export interface AgentSite {
  readonly folder: string;
  readonly output: string;
  readonly configFile: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Makes the clips with FFmpeg's generators: one second each, small. */
export async function makeSite(folder: string, controller: string): Promise<AgentSite> {
  const clips = join(folder, 'clips');
  const output = join(folder, 'output');
  await mkdir(clips, { recursive: true });
  await mkdir(output, { recursive: true });
  for (const [name, size, seconds] of [
    ['a.mp4', '320x240', '1'],
    ['b.mp4', '640x360', '1'],
    ['long.mp4', '640x360', '20'],
  ] as const) {
    const made = await makeMedia('mp4', [
      ...['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=25:d=${seconds}`],
      ...['-f', 'lavfi', '-i', `sine=d=${seconds}`, '-shortest'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac'],
    ]);
    await copyFile(made, join(clips, name));
    // What was written a moment ago may be written on, and would be waited for.
    await utimes(join(clips, name), 0, 0);
  }
  await mkdir(join(folder, 'data'));
  // The test encode takes seconds and is the same each time; the agent checks that it is about this FFmpeg.
  await copyFile(probeKept, join(folder, 'data', 'encoders.json')).catch(() => undefined);
  const config = {
    agentId: 'pc1',
    controllers: [controller],
    token: 'secret',
    dataDir: join(folder, 'data'),
    mounts: {
      clips: { roots: ['\\\\nas\\Clips'], localPath: clips },
      results: { roots: ['\\\\nas\\Out'], localPath: output },
    },
    encoder: { rung: 'libx264', threads: 1 },
    cache: { freeBytesMin: 1 },
    logLevel: 'info',
  };
  const configFile = join(folder, 'agent.yaml');
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(config));
  return { folder, output, config, configFile };
}

/** Keeps what the agent's encoder probe found, for the next test. */
export async function keepProbe(site: AgentSite): Promise<void> {
  await copyFile(join(site.folder, 'data', 'encoders.json'), probeKept);
}

const probeKept = join(import.meta.dirname, '..', '..', 'out', 'test-media', 'encoders.json');

/** An assignment of these clips. */
export function assignClips(ref: JobRef, clips: readonly string[], changes: Partial<Assign> = {}): Assign {
  const plain = assignment(ref);
  return {
    ...plain,
    limits: { softRunMs: 600_000, hardRunMs: 700_000, stallMs: 60_000, startStallMs: 120_000 },
    job: {
      ...plain.job,
      channelName: 'My Channel\n00:00:00 - INFO - === Job Failed ===',
      items: clips.map((clip, position) => ({
        position,
        itemType: 'video' satisfies ItemType,
        path: `\\\\nas\\Clips\\${clip}`,
      })),
    },
    ...changes,
  };
}

/** The agent as people start it; `path` holds programs that are found before the system's. */
export function spawnAgent(site: AgentSite, path?: string): ChildProcess {
  const env =
    path === undefined ? process.env : { ...process.env, PATH: `${path}:${process.env['PATH'] ?? ''}` };
  return spawn(
    process.execPath,
    [new URL('../../agent/main.ts', import.meta.url).pathname, '--config', site.configFile],
    {
      env,
      stdio: ['ignore', 'ignore', process.env['FARM_TEST_AGENT_LOG'] === undefined ? 'ignore' : 'inherit'],
    },
  );
}

export async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** Every file below a folder, by its path in it. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
