import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { pino } from 'pino';
import { createAgent } from '../../agent/agent.ts';
import { parseAgentConfig } from '../../agent/config.ts';
import { jobRef } from '../helpers/agent-core.ts';
import type { AgentSite } from '../helpers/agent-farm.ts';
import { assignClips, keepProbe, makeSite } from '../helpers/agent-farm.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

function agentAt(t: TestContext, site: AgentSite) {
  const agent = createAgent(parseAgentConfig(site.config, 'test'), {
    logger: pino({ level: process.env['FARM_TEST_AGENT_LOG'] ?? 'silent' }),
    link: { backoffFirstMaxMs: 10, backoffMaxMs: 20 },
    figures: { goodbyeAckMs: 100 },
    tickMs: 20,
  });
  t.after(() => agent.stop());
  return agent;
}

test('An agent says how fast it is by its test encodes, then by what it rendered, also after a restart', async (t) => {
  const controller = await startScriptedController();
  t.after(() => controller.stop());
  const site = await makeSite(await tempFolder(t), controller.address);
  const first = agentAt(t, site);
  await first.start();
  await keepProbe(site);
  const session = await controller.session();
  const hello = await session.admit();
  const calibrated = hello.inventory.speeds;
  assert.deepEqual(
    calibrated.map(({ workClass, runs }) => [workClass, runs]),
    [
      ['hd', 0],
      ['4k', 0],
    ],
  );
  assert.ok(calibrated.every(({ speed }) => speed > 0));
  assert.deepEqual(hello.inventory.concurrentSpeeds, [1]);

  // 21 s of output: enough to say something.
  session.send(assignClips(jobRef('11111111-1111-4111-8111-111111111111', 1), ['a.mp4', 'long.mp4']));
  const progress = await session.next(
    (message) => message.kind === 'progress' && message.state === 'running' && message.framesDone > 0,
  );
  assert.ok(progress.kind === 'progress');
  assert.ok(progress.etaMs !== undefined && progress.etaMs > 0, 'known from the first frame');
  const told = await session.next(
    (message) => message.kind === 'inventory' && message.inventory.speeds.some(({ runs }) => runs > 0),
  );
  assert.ok(told.kind === 'inventory');
  const [hd, uhd] = told.inventory.speeds;
  assert.deepEqual([hd?.workClass, hd?.runs], ['hd', 1]);
  assert.deepEqual(uhd, calibrated[1], 'nothing is known of 4K yet');
  await first.stop();
  const kept = await readFile(join(site.folder, 'data', 'speeds.json'), 'utf8');
  assert.match(kept, new RegExp(`"hd": \\[\\s*${hd?.speed ?? 0}\\s*\\]`, 'u'));

  await agentAt(t, site).start();
  const again = await (await controller.session()).admit();
  assert.deepEqual(again.inventory.speeds, told.inventory.speeds);
});
