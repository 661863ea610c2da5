/** The programs of a run, their folders and the network between them: everything that faults happen to. */
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { stringify } from 'yaml';
import { Program, type ProgramOptions } from './child-process.ts';
import { type ClipMaker, fakeClips, realClips } from './clips.ts';
import { agentConfig, controllerConfig, type FarmLayout, layoutOf } from './farm-layout.ts';
import { JournalTail } from './journal-tail.ts';
import type { Moments } from './moments.ts';
import type { ChaosOptions } from './options.ts';
import { runMarker } from './own-processes.ts';
import type { Recorder } from './recorder.ts';
import { redisProgram } from './redis-process.ts';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const root = join(import.meta.dirname, '..');
const renderers = join(import.meta.dirname, 'renderer');

export interface FarmAgent {
  readonly agentId: string;
  readonly dataDir: string;
  readonly program: Program;
  readonly tail: JournalTail;
  /** To every controller. */
  readonly network: readonly TcpProxy[];
  /** Another agent with this id and a data folder of its own. */
  readonly clone: Program;
}

export interface FarmController {
  readonly program: Program;
  /** Between clients and it. */
  readonly network: TcpProxy;
  /** Between it and Redis. */
  readonly toRedis: TcpProxy | undefined;
}

export interface ChaosFarm {
  /** Marks every process of this run. */
  readonly run: string;
  readonly layout: FarmLayout;
  readonly controllers: readonly FarmController[];
  readonly agents: readonly FarmAgent[];
  readonly redis: Program | undefined;
  readonly redisFolder: string;
  readonly clips: ClipMaker;
  readonly clientAddresses: readonly string[];
  closeNetwork(): Promise<void>;
}

/** A farm whose programs end by themselves more often than this is no farm: the run is given up. */
const ownEndsMax = 5;

/** Makes folders, configurations and proxies; starts no program yet. */
export async function buildFarm(
  options: ChaosOptions,
  recorder: Recorder,
  moments: Moments,
  onBroken: () => void,
): Promise<ChaosFarm> {
  const layout = layoutOf(recorder.folder);
  for (const folder of [layout.clips, layout.results, layout.controllerData, layout.keep]) {
    mkdirSync(folder, { recursive: true });
  }
  const run = `${process.pid}-${options.seed}`;
  const env = { [runMarker]: run, CHAOS_TICKS: layout.ticks };
  const proxies: TcpProxy[] = [];
  const proxy = async (port: number): Promise<TcpProxy> => {
    const opened = await openTcpProxy(() => port);
    proxies.push(opened);
    return opened;
  };
  let ownEnds = 0;
  const onOwnEnd = (name: string, how: string): void => {
    recorder.fault({ fault: name, what: how });
    ownEnds += 1;
    if (ownEnds > ownEndsMax) onBroken();
  };
  const building = { options, layout, env, proxy, recorder, moments, onOwnEnd };
  const redisFolder = join(layout.folder, 'redis');
  const redisPort = options.store === 'redis' ? await freePort() : undefined;
  const redis =
    redisPort === undefined
      ? undefined
      : await redisProgram({ folder: redisFolder, port: redisPort, ...common(building, 'redis') });
  const ports: number[] = [];
  for (let n = 0; n < options.controllers; n += 1) ports.push(await freePort());
  const controllers: FarmController[] = [];
  for (const [n, port] of ports.entries())
    controllers.push(await buildController(building, n + 1, port, redisPort));
  const agents: FarmAgent[] = [];
  for (let n = 1; n <= options.agents; n += 1) agents.push(await buildAgent(building, `pc${n}`, ports));
  return {
    ...{ run, layout, controllers, agents, redis, redisFolder },
    clips: options.fakeRenderer ? fakeClips(layout.clips) : realClips(layout.clips, layout.keep),
    clientAddresses: controllers.map(({ network }) => `127.0.0.1:${network.port}`),
    async closeNetwork() {
      await Promise.all(proxies.map((each) => each.close()));
    },
  };
}

type CommonOptions = Pick<ProgramOptions, 'env' | 'logFile' | 'onOwnEnd'>;

interface Building {
  readonly options: ChaosOptions;
  readonly layout: FarmLayout;
  readonly env: Readonly<Record<string, string>>;
  readonly proxy: (port: number) => Promise<TcpProxy>;
  readonly recorder: Recorder;
  readonly moments: Moments;
  readonly onOwnEnd: (name: string, how: string) => void;
}

async function buildController(
  building: Building,
  number: number,
  port: number,
  redisPort: number | undefined,
): Promise<FarmController> {
  const { layout, proxy } = building;
  const name = `controller-${number}`;
  const network = await proxy(port);
  const toRedis = redisPort === undefined ? undefined : await proxy(redisPort);
  const place = { port, advertisedPort: network.port };
  const config = controllerConfig(
    layout,
    toRedis === undefined ? place : { ...place, redisPort: toRedis.port },
  );
  const file = join(layout.folder, `${name}.yaml`);
  await writeFile(file, stringify(config));
  return { program: node(building, name, 'controller/main.ts', ['--config', file]), network, toRedis };
}

async function buildAgent(building: Building, agentId: string, ports: readonly number[]): Promise<FarmAgent> {
  const { layout, proxy, options, recorder, moments } = building;
  const network: TcpProxy[] = [];
  for (const port of ports) network.push(await proxy(port));
  const controllerPorts = network.map(({ port }) => port);
  const ffmpeg = join(renderers, options.fakeRenderer ? 'fake-ffmpeg' : 'marking-ffmpeg');
  const ffprobe = options.fakeRenderer ? join(renderers, 'fake-ffprobe') : 'ffprobe';
  // A script needs no core of its own; a second real render at a time would only be slower.
  const slots = options.fakeRenderer ? 2 : 1;
  const place = { agentId, controllerPorts, ffmpeg, ffprobe, slots };
  const programFor = async (name: string, dataDir: string): Promise<Program> => {
    const file = join(layout.folder, `${name}.yaml`);
    await writeFile(file, stringify(agentConfig(layout, { ...place, dataDir })));
    return node(building, name, 'agent/main.ts', ['run', '--config', file]);
  };
  const dataDir = layout.agentData(agentId);
  mkdirSync(dataDir, { recursive: true });
  return {
    ...{ agentId, dataDir, network },
    program: await programFor(agentId, dataDir),
    clone: await programFor(`${agentId}-clone`, layout.agentData(`${agentId}-clone`)),
    tail: new JournalTail(agentId, dataDir, recorder, moments),
  };
}

function node(building: Building, name: string, script: string, args: readonly string[]): Program {
  return new Program({
    name,
    command: process.execPath,
    args: [join(root, script), ...args],
    cwd: building.layout.folder,
    ...common(building, name),
  });
}

function common({ env, layout, onOwnEnd }: Building, name: string): CommonOptions {
  return { env, logFile: join(layout.logs, `${name}.log`), onOwnEnd: (how) => onOwnEnd(name, how) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
