import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../../client/backoff.ts';
import { RenderfarmError } from '../../client/errors.ts';
import { resolveOptions } from '../../client/options.ts';
import { Patience } from '../../client/patience.ts';
import { clientVersion } from '../../client/version.ts';
import packageJson from '../../package.json' with { type: 'json' };

test('The defaults are those of the documentation', () => {
  assert.deepEqual(resolveOptions({ addresses: ['farm:50051'] }), {
    addresses: ['farm:50051'],
    token: undefined,
    tls: undefined,
    callTimeoutMs: 30_000,
    tryTimeoutMs: 10_000,
    connectTimeoutMs: 5_000,
    backoffFirstMs: 2_000,
    backoffMaxMs: 10_000,
    watchGiveUpAfterMs: 900_000,
  });
});

test('Good addresses pass, and all that is wrong with options is said at once', () => {
  resolveOptions({ addresses: ['127.0.0.1:1', '[::1]:50051', 'farm.local:50051', 'unix:/tmp/x'], tls: true });
  assert.throws(
    () =>
      resolveOptions({
        addresses: ['http://farm:1', 'farm'],
        token: 'two words',
        tls: { cert: 'x' },
        callTimeoutMs: Number.NaN,
      }),
    (error: unknown) => {
      assert(error instanceof RenderfarmError);
      assert.equal(error.code, 'INVALID_OPTIONS');
      for (const word of ['"http://farm:1"', '"farm"', 'token', 'cert and key', 'callTimeoutMs']) {
        assert(error.message.includes(word), word);
      }
      return true;
    },
  );
  assert.throws(() => resolveOptions({ addresses: [] }), /no address/);
});

test('Pauses begin after every address was tried, double, and stop growing at the maximum', () => {
  const settings = { addresses: ['a:1', 'b:1'], backoffFirstMs: 2_000, backoffMaxMs: 10_000 };
  const longest = [1, 2, 3, 4, 6, 8, 100].map((failures) => backoffMs(failures, settings, () => 1));
  assert.deepEqual(longest, [0, 2_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  assert.equal(
    backoffMs(4, settings, () => 0.25),
    1_000,
  );
});

test('A watch is patient with a controller that served it, and with a quiet one', () => {
  const settings = resolveOptions({ addresses: ['a:1'], backoffFirstMs: 1, backoffMaxMs: 1 });
  const failure = new RenderfarmError('CONTROLLER_UNREACHABLE', 'away');
  let now = 0;
  const fresh = new Patience(settings, () => now);
  now = 29_000;
  fresh.afterFailure(failure, 0);
  now = 31_000;
  assert.throws(() => fresh.afterFailure(failure, 0), failure);

  now = 0;
  const served = new Patience(settings, () => now);
  served.served();
  now = 10_000_000;
  served.afterFailure(failure, 0);
  now += 890_000;
  served.afterFailure(failure, 0);
  now += 100_000;
  served.afterFailure(failure, 60_000);
  now += 910_000;
  assert.throws(() => served.afterFailure(failure, 0), failure);
});

test('The version is that of the package', () => {
  assert.equal(clientVersion, packageJson.version);
});

test('A token is not sent in clear text beyond this PC', () => {
  const token = 'secret';
  for (const address of ['127.0.0.1:1', 'localhost:1', '[::1]:1', 'unix:/tmp/x']) {
    resolveOptions({ addresses: [address], token });
  }
  resolveOptions({ addresses: ['farm:50051'], token, tls: true });
  for (const address of ['farm:50051', '192.168.1.6:50051', '127.example:1', 'localhost.example:1']) {
    assert.throws(() => resolveOptions({ addresses: ['127.0.0.1:1', address], token }), /in clear text/);
  }
});
