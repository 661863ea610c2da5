import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { itemTypes } from '../../proto/codec/enums.ts';
import { fromDuration, toDuration } from '../../proto/codec/time.ts';
import {
  AttachRequest,
  AttachResponse,
  type HeldVerdict,
  Progress,
  Welcome,
} from '../../proto/gen/renderfarm/v1/agent.ts';
import {
  DecodeError,
  decodeAgentMessage,
  decodeControllerMessage,
  encodeAgentMessage,
  encodeControllerMessage,
} from '../../proto/index.ts';
import { controllerMessages } from './controller-messages.ts';
import { agentMessages } from './messages.ts';

const ref = { jobId: 'j', fence: { term: 1, counter: 2 } };

suite('the codec', () => {
  test('gives back every agent message as it was', () => {
    const property = fc.property(agentMessages, (message) => {
      const decoded = decodeAgentMessage(encodeAgentMessage(message));
      assert.deepStrictEqual(decoded, { known: true, message });
    });
    fc.assert(property, { numRuns: 400 });
  });

  test('gives back every controller message as it was', () => {
    const property = fc.property(controllerMessages, (message) => {
      const decoded = decodeControllerMessage(encodeControllerMessage(message));
      assert.deepStrictEqual(decoded, { known: true, message });
    });
    fc.assert(property, { numRuns: 400 });
  });

  test('answers any bytes with a message, an unknown name or a DecodeError', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const decode of [decodeAgentMessage, decodeControllerMessage]) {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error));
        }
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  test('names a message that only a newer build knows by its field', () => {
    // No envelope has so many kinds; its tag, 200 << 3 | 2, takes two bytes.
    const field200 = Buffer.from([0xc2, 0x0c, 0]);
    assert.deepStrictEqual(decodeAgentMessage(field200), { known: false, unknown: 'field 200' });
    assert.deepStrictEqual(decodeControllerMessage(Buffer.alloc(0)), { known: false, unknown: 'nothing' });
  });
});

suite('a refused message', () => {
  test('names the missing field by its path', () => {
    const bytes = attachRequest({ $case: 'progress', value: Progress.fromPartial({ ref: { jobId: 'j' } }) });
    assert.throws(() => decodeAgentMessage(bytes), {
      name: 'DecodeError',
      code: 'MISSING',
      field: 'progress.ref.fence',
      message: 'progress.ref.fence: must be given',
    });
  });

  test('names an enum value that it does not know', () => {
    const progress = Progress.fromPartial({ ref, state: 1 });
    const bytes = attachRequest({ $case: 'progress', value: { ...progress, state: 77 as 1 } });
    assert.throws(() => decodeAgentMessage(bytes), { code: 'UNKNOWN_VALUE', field: 'progress.state' });
  });

  test('names a number that is out of range', () => {
    const bytes = attachRequest({
      $case: 'progress',
      value: Progress.fromPartial({ ref, state: 2, percent: 101 }),
    });
    assert.throws(() => decodeAgentMessage(bytes), { code: 'OUT_OF_RANGE', field: 'progress.percent' });
  });

  test('names the entry of a list', () => {
    // The generated types of a list want entries of one shape.
    const verdicts: HeldVerdict[] = [
      { ref, decision: { $case: 'keep', value: {} } },
      { ref, decision: undefined },
    ];
    const span = { seconds: 1, nanos: 0 };
    const value: Welcome = {
      ...Welcome.create(),
      farmId: 'f',
      leaderId: 'l',
      sessionId: 's',
      heartbeatInterval: span,
      progressMinInterval: span,
      progressMaxInterval: span,
      verdicts,
    };
    const bytes = AttachResponse.encode({ message: { $case: 'welcome', value } }).finish();
    assert.throws(() => decodeControllerMessage(bytes), {
      code: 'MISSING',
      field: 'welcome.verdicts[1].decision',
    });
  });

  test('says of bytes that are no message that they are malformed', () => {
    assert.throws(() => decodeAgentMessage(Buffer.from([0x0a, 0xff])), { code: 'MALFORMED' });
  });
});

suite('durations', () => {
  test('of up to a day keep whole microseconds', () => {
    const property = fc.property(fc.nat(86_400), fc.nat(999_999), (seconds, micros) => {
      const nanos = micros * 1_000;
      assert.deepStrictEqual(toDuration(fromDuration({ seconds, nanos }, 'field')), { seconds, nanos });
    });
    fc.assert(property);
  });

  test('refuse what is negative or no Duration', () => {
    for (const bad of [
      { seconds: -1, nanos: 0 },
      { seconds: 0, nanos: -1 },
      { seconds: 0, nanos: 1e9 },
    ]) {
      assert.throws(() => fromDuration(bad, 'field'), { code: 'OUT_OF_RANGE', field: 'field' });
    }
  });
});

test('an enum table shows no name for a number that this build does not know', () => {
  assert.equal(itemTypes.nameOf(99), undefined);
  assert.equal(itemTypes.nameOf(0), undefined);
  assert.equal(itemTypes.nameOf(2), 'video');
});

function attachRequest(message: NonNullable<AttachRequest['message']>): Uint8Array {
  return AttachRequest.encode({ message }).finish();
}
