import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { logFolder, outputFileName, safeName } from '../../../controller/domain/names.ts';

const jobId = 'aaaaaaaa-0000-4000-8000-000000000001';
const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.stringMatching(/^[./\\ :*conaux12]{0,12}$/),
  fc.constantFrom('..', '.', '', '\ud800', 'NUL', 'com¹.txt', 'aux .log', 'C:', '\\\\host\\share', '~'),
);

function assertAcceptable(name: string): void {
  assert.ok(name.length > 0 && Buffer.byteLength(name) <= 255, name);
  assert.doesNotMatch(name, /[<>:"/\\|?*\p{Cc}\p{Cs}]/u);
  assert.doesNotMatch(name, /[. ]$/);
  assert.doesNotMatch(name, /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)/i);
}

suite('a safe name', () => {
  test('is accepted by Linux and Windows, whatever the text was', () => {
    fc.assert(
      fc.property(anything, (text) => assertAcceptable(safeName(text))),
      { numRuns: 2_000 },
    );
  });

  test('is the text itself where that is fine already', () => {
    for (const text of ['Best of 2026', 'Ελληνικά', '日本語', 'a.b-c_d (1)', '.hidden', 'console']) {
      assert.equal(safeName(text), text);
    }
  });

  test('does not change when it is made safe again', () => {
    const property = fc.property(anything, (text) => assert.equal(safeName(safeName(text)), safeName(text)));
    fc.assert(property, { numRuns: 1_000 });
  });
});

suite('an output file name', () => {
  test('is channel and job id', () => {
    assert.equal(outputFileName('My Channel', jobId), `My Channel_${jobId}.mp4`);
  });

  test('is acceptable for any channel and always ends with the job id', () => {
    const property = fc.property(anything, (channel) => {
      const name = outputFileName(channel, jobId);
      assertAcceptable(name);
      assert.ok(name.endsWith(`_${jobId}.mp4`), name);
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

suite('a log folder', () => {
  const place = { logDate: '2026-11-22', username: 'ann', channelName: 'My  Channel', jobId };

  test('is date, user, jobs, channel with underscores and job id', () => {
    assert.equal(logFolder(place), `2026-11-22/ann/jobs/My__Channel_${jobId}`);
    assert.equal(logFolder({ ...place, username: '' }), `2026-11-22/unknown/jobs/My__Channel_${jobId}`);
  });

  test('can never leave its root, on either system', () => {
    const property = fc.property(anything, anything, anything, anything, (date, username, channel, id) => {
      const folder = logFolder({ logDate: date, username, channelName: channel, jobId: id });
      assert.equal(folder.split('/').length, 4);
      for (const name of folder.split('/')) assertAcceptable(name);
      assert.ok(posix.resolve('/logs', folder).startsWith('/logs/'));
      assert.ok(win32.resolve('C:\\logs', folder).startsWith('C:\\logs\\'));
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});
