import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import { type Injected, type Injection, skipped, victimOf } from './injection.ts';
import { mountReadOnly, unmount } from './mounts.ts';

/** Leaves no byte free on the file system below a data folder. */
export function fillDisk(fault: Fault & { kind: 'disk-full' }, { farm, mounted }: Injected): Injection {
  const folder = fault.whose === 'controller' ? farm.layout.controllerData : farm.agents[0]?.dataDir;
  if (folder === undefined || !mounted.fill(folder)) {
    return skipped(`it has no file system of its own: ${mounted.refused ?? 'none was mounted'}`);
  }
  return { did: `filled ${folder}`, undo: () => mounted.empty(folder) };
}

/** The folder that agents see is another one for a while, or cannot be written. The real one stays as it is. */
export function shareFault(fault: Fault & { kind: 'share' }, injected: Injected): Injection {
  const { layout } = injected.farm;
  const { how } = fault;
  if (how === 'sources-away') return standIn(layout.clips, injected, undefined);
  if (how === 'away') return standIn(layout.results, injected, undefined);
  if (how === 'another') return standIn(layout.results, injected, 'another-share');
  const refused = mountReadOnly(layout.results);
  if (refused !== undefined) return skipped(`read-only was refused: ${refused}`);
  return { did: `made ${layout.results} read-only`, undo: () => unmount(layout.results) };
}

/** Kills an agent and empties its data folder. */
export function loseDisk(fault: Fault & { kind: 'disk-lost' }, { farm }: Injected): Injection {
  const agent = victimOf(farm.agents, fault.victim);
  if (agent?.program.signal('SIGKILL') !== true) return skipped('it does not run');
  return {
    did: `killed ${agent.agentId} and took its disk`,
    async undo() {
      await agent.program.ended();
      agent.tail.read();
      agent.tail.stop();
      for (const name of readdirSync(agent.dataDir)) {
        // What the encoder probe found is true for the machine, and takes long to find.
        if (name !== 'encoders.json') rmSync(join(agent.dataDir, name), { recursive: true, force: true });
      }
      agent.tail.follow();
      await agent.program.startAgain();
    },
  };
}

function standIn(path: string, { keep, farm }: Injected, shareId: string | undefined): Injection {
  const real = `${path}.real`;
  renameSync(path, real);
  mkdirSync(path);
  if (shareId !== undefined) {
    mkdirSync(join(path, '.renderfarm'));
    writeFileSync(join(path, '.renderfarm', 'share-id'), `${shareId}\n`);
  }
  return {
    did: `put an empty folder in the place of ${path}`,
    undo() {
      const aside = join(keep, `stand-in-${Date.now()}`);
      renameSync(path, aside);
      renameSync(real, path);
      // A file that was copied meanwhile is missing where it is looked for now: it was made for the folder's name.
      if (path === farm.layout.clips) moveFiles(aside, path);
    },
  };
}

/** New sources that the job stream made while another folder stood in. */
function moveFiles(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    if (!existsSync(join(to, name))) cpSync(join(from, name), join(to, name));
  }
}
