import assert from 'node:assert/strict';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { planLocally, renderLocally } from '../../../agent/local/local-commands.ts';
import { makeSignalClip } from '../../helpers/media.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

async function execute(command: typeof renderLocally, folder: string, job: unknown) {
  const file = join(folder, 'job.json');
  await writeFile(file, typeof job === 'string' ? job : JSON.stringify(job));
  const lines: string[] = [];
  const { signal } = new AbortController();
  const out = join(folder, 'made', 'film.mp4');
  const where = { file, out, dataDir: join(folder, 'data') };
  const code = await command({
    ...where,
    encoder: 'libx264',
    threads: 2,
    signal,
    print: (line) => lines.push(line),
  });
  return { code, out, said: lines.join('\n') };
}

test('A job file that is wrong ends with code 2, and every field is named', async (t) => {
  const folder = await tempFolder(t);
  for (const command of [renderLocally, planLocally]) {
    const { code, said } = await execute(command, folder, {
      channel_name: 'C',
      colour: 'red',
      items: [
        { position: 0, item_type: 'film', path: 'a.mp4' },
        { position: -1, item_type: 'video', path: 'b.mp4', duration: 9_999 },
      ],
    });
    assert.equal(code, 2);
    for (const field of ['items[0].item_type', 'items[1].position', 'items[1].duration', 'colour'])
      assert.ok(said.includes(field), `${field} is missing in: ${said}`);
  }
  assert.equal((await execute(planLocally, folder, '{')).code, 2);
  assert.match(
    (await execute(planLocally, folder, { channel_name: 'C', items: [] })).said,
    /No items found/u,
  );
});

test('A job file of the farm needs no positions, may name queue and priority, and may say null', async (t) => {
  const folder = await tempFolder(t);
  const item = { item_type: 'video', path: 'gone.mp4', title: null };
  const listed = {
    user_id: null,
    channel_name: 'C',
    queue: 'gpu_queue',
    priority: 'high',
    wishes: { only_on: ['pc1'] },
    deadline: '2030-01-01T00:00:00Z',
    items: [item, item],
  };
  assert.match((await execute(planLocally, folder, listed)).said, /FILE_MISSING/u);
  for (const positions of [
    [0, undefined],
    [3, 3],
  ]) {
    const items = positions.map((position) => ({ ...item, position }));
    const { code, said } = await execute(planLocally, folder, { ...listed, items });
    assert.equal(code, 2);
    assert.match(said, /items: positions must be distinct, and given for all items or for none/u);
  }
});

test('A file that is missing ends with code 1 and is named as it was written; a good job is planned and rendered', async (t) => {
  const folder = await tempFolder(t);
  const clip = await makeSignalClip({ rate: '25' });
  const item = { position: 0, item_type: 'video', path: clip };
  const bad = await execute(renderLocally, folder, {
    channel_name: 'C',
    items: [item, { ...item, position: 1, path: 'gone.mp4' }],
  });
  assert.equal(bad.code, 1);
  assert.match(bad.said, new RegExp(`FILE_MISSING: .*${folder}/gone\\.mp4 does not exist`, 'u'));
  await assert.rejects(stat(bad.out));

  const options = { rate_profile: 'quality', loudness_report: true, contact_sheet: true, preview: null };
  const job = { channel_name: 'C', options, items: [{ ...item, text_animation_text: "it's" }] };
  const planned = await execute(planLocally, folder, job);
  assert.equal(planned.code, 0);
  assert.match(planned.said, /^42 frames, 1920x1080, libx264$/mu);
  assert.match(planned.said, /^ {2}ffmpeg .*-i video_0\.mp4 /mu);
  assert.match(planned.said, / -crf 19 /u, 'in the bit rates that the job asks for');
  await assert.rejects(stat(planned.out), 'a plan renders nothing');

  const rendered = await execute(renderLocally, folder, job);
  assert.equal(rendered.code, 0, rendered.said);
  assert.match(rendered.said, /film\.mp4: 42 frames, \d+ bytes$/mu);
  assert.ok((await stat(rendered.out)).size > 0);
  assert.match(rendered.said, /^Loudness: -\d+\.\d LUFS/mu);
  assert.deepEqual((await readdir(join(folder, 'made'))).sort(), ['film.mp4', 'film_sheet.jpg']);
  assert.deepEqual(await readdir(join(folder, 'data', 'work')), []);
});
