import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigError, loadAgentConfig, parseAgentConfig } from '../../agent/config.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const least = {
  controllers: ['localhost:7443'],
  dataDir: 'data',
  mounts: { clips: { roots: ['\\\\nas\\Clips'], localPath: 'clips' } },
};

describe('an agent’s configuration', () => {
  test('needs little, and has every default', () => {
    const config = parseAgentConfig(least, 'test', '/srv');
    assert.deepEqual(config.queues, ['default_queue']);
    assert.deepEqual(config.concurrency, { copy: 5, probe: Math.min(8, availableParallelism()) });
    assert.equal(config.dataDir, '/srv/data');
    assert.equal(config.mounts['clips']?.localPath, '/srv/clips');
    assert.ok(Object.isFrozen(config.cache));
  });

  test('tells all that is wrong with it at once, each with its field', () => {
    const wrong = {
      ...least,
      controllers: ['nowhere'],
      slots: 0,
      typo: 1,
      mounts: { clips: { roots: ['/mnt'] } },
    };
    assert.throws(
      () => parseAgentConfig(wrong, 'agent.yaml'),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const all = error.problems.join('\n');
        for (const field of [/controllers\.0: /u, /slots: /u, /typo/u, /mounts\.clips\.roots\.0: /u]) {
          assert.match(all, field);
        }
        return true;
      },
    );
  });

  test('takes slots of the PC or of each card, not both', () => {
    assert.deepEqual(parseAgentConfig({ ...least, gpuSlots: [2, 1] }, 'x').gpuSlots, [2, 1]);
    assert.equal(parseAgentConfig({ ...least, slots: 3 }, 'x').slots, 3);
    assert.throws(
      () => parseAgentConfig({ ...least, slots: 3, gpuSlots: [2, 1] }, 'x'),
      (error) => error instanceof ConfigError && error.message.includes('slots and gpuSlots'),
    );
    for (const gpuSlots of [[17], [0, 0], [16, 16, 16, 16, 1], []]) {
      assert.throws(() => parseAgentConfig({ ...least, gpuSlots }, 'x'), ConfigError, gpuSlots.join());
    }
  });

  test('takes sizes with units, and the token from a file', async (t) => {
    const folder = await tempFolder(t);
    await writeFile(join(folder, 'token'), 'secret\n');
    const file = join(folder, 'agent.yaml');
    await writeFile(file, JSON.stringify({ ...least, tokenFile: 'token', cache: { bytesMax: '1.5 GiB' } }));
    const config = loadAgentConfig(file);
    assert.equal(config.token, 'secret');
    assert.equal(config.cache.bytesMax, 1.5 * 1024 ** 3);
    assert.throws(
      () => parseAgentConfig({ ...least, token: 'a', tokenFile: 'token' }, 'x', folder),
      ConfigError,
    );
  });

  test('that cannot be read says which file', () => {
    assert.throws(() => loadAgentConfig('/nowhere/agent.yaml'), /\/nowhere\/agent\.yaml/u);
  });
});
