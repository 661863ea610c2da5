import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { Program } from './real-farm.ts';
import { tempFolder } from './temp-folder.ts';

const controllerMain = fileURLToPath(new URL('../../controller/main.ts', import.meta.url));

export interface SpawnedController {
  readonly program: Program;
  readonly address: string;
}

/** Starts controllers as processes, each from a configuration of its own; what runs is killed with the test. */
export class ControllerRoom {
  readonly #folder: string;
  readonly #started: Program[];

  private constructor(folder: string, started: Program[]) {
    this.#folder = folder;
    this.#started = started;
  }

  static async open(t: TestContext): Promise<ControllerRoom> {
    const started: Program[] = [];
    // Hooks run in the order in which they were added: what runs is stopped before its folder goes.
    t.after(() => killAll(started));
    return new ControllerRoom(await tempFolder(t), started);
  }

  /**
   * @param name - Of the controller; started again, it takes the address that is given.
   * @param store - As in the configuration.
   */
  async start(name: string, store: object, more: object = {}): Promise<SpawnedController> {
    const home = join(this.#folder, name);
    await mkdir(home, { recursive: true });
    const shares = [
      { name: 'clips', roots: ['\\\\nas\\Clips'], role: 'source' },
      { name: 'results', roots: ['\\\\nas\\Results'], role: 'output' },
    ];
    const file = join(home, 'controller.yaml');
    const output = { share: 'results' };
    const paths = { dataDir: join(home, 'data'), logsDir: join(home, 'logs') };
    const config = { listen: ['127.0.0.1:0'], shares, output, timeZone: 'UTC', timeScale: 0.1, store };
    await writeFile(file, stringify({ ...config, ...paths, ...more }));
    const program = new Program(controllerMain, ['--config', file]);
    this.#started.push(program);
    const line = await program.saw('listens on');
    return { program, address: line.split(' ').at(-1) ?? '' };
  }
}

async function killAll(started: readonly Program[]): Promise<void> {
  for (const program of started) {
    if (program.child.exitCode === null && program.child.signalCode === null) await program.kill('SIGKILL');
  }
}
