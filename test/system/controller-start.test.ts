import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Program } from '../helpers/real-farm.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const main = fileURLToPath(new URL('../../controller/main.ts', import.meta.url));

describe('a controller that cannot be served safely', () => {
  it('ends with code 2, says why in one line, and has opened nothing', async (t) => {
    const folder = await tempFolder(t);
    const file = join(folder, 'controller.yaml');
    const shares = "shares: [{ name: results, roots: ['\\\\nas\\Results'], role: output }]";
    await writeFile(file, `listen: ['0.0.0.0:0']\n${shares}\noutput: { share: results }\ndataDir: data\n`);
    const controller = new Program(main, ['--config', file]);
    assert.equal(await controller.ended, 2);
    assert.equal(controller.lines.length, 1, controller.lines.join('\n'));
    assert.match(controller.lines[0] ?? '', /TLS/u);
    assert.deepEqual(await readdir(folder), ['controller.yaml']);
  });
});
