import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { AgentSite } from '../helpers/agent-farm.ts';
import { ended, filesBelow, makeSite, spawnAgent } from '../helpers/agent-farm.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

// What the run of all tests has for it would win over the agent's own.
delete process.env['NODE_COMPILE_CACHE'];

async function start(t: TestContext, settings: Readonly<Record<string, unknown>> = {}) {
  const controller = await startScriptedController();
  const site = await makeSite(await tempFolder(t), controller.address);
  await writeFile(site.configFile, JSON.stringify({ ...site.config, ...settings }));
  // A request that nobody took is of yesterday.
  await writeFile(join(site.folder, 'data', 'leave'), 'shutdown\n');
  const agent = spawnAgent(site);
  t.after(async () => {
    agent.kill('SIGKILL');
    await ended(agent);
    controller.stop();
  });
  return { controller, site, agent };
}

async function leave(site: AgentSite, ...args: readonly string[]): Promise<string> {
  const main = new URL('../../agent/main.ts', import.meta.url).pathname;
  const run = promisify(execFile)(process.execPath, [main, 'leave', '--config', site.configFile, ...args]);
  return (await run).stdout.trim();
}

describe('an agent', () => {
  test('that is asked to leave says why, and is gone when the command ends', async (t) => {
    const { controller, site, agent } = await start(t);
    const session = await controller.session();
    await session.admit();
    const [said, goodbye] = await Promise.all([leave(site, '--for', 'sleep'), session.nextOf('goodbye')]);
    assert.deepEqual([said, goodbye.reason], ['the agent has left', 'sleep']);
    assert.equal(await ended(agent), 0);
    const compiled = await filesBelow(join(site.folder, 'data', 'compiled'));
    assert.ok(compiled.length > 5, 'its children have left what the next ones start from');
    assert.equal(await leave(site, '--for', 'upgrade'), 'no agent runs here');
    await assert.rejects(leave(site, '--for', 'fun'), { code: 2 });
    await rm(site.configFile);
    await assert.rejects(leave(site), { code: 2 });
  });

  test('that was frozen opens its stream anew when it wakes, and goes on as the same instance', async (t) => {
    // Times are a tenth: frozen for more than 2 s is long.
    const { controller, agent } = await start(t, { timeScale: 0.1 });
    const session = await controller.session();
    const before = await session.admit({ heartbeatMs: 3_600_000 });
    await session.nextOf('heartbeat');
    agent.kill('SIGSTOP');
    const frozen = Promise.withResolvers<unknown>();
    setTimeout(frozen.resolve, 3_000, undefined);
    await frozen.promise;
    agent.kill('SIGCONT');
    // No heartbeat is missed yet by which anybody could know.
    const again = await controller.session();
    assert.equal((await again.hello()).instanceId, before.instanceId);
  });
});
