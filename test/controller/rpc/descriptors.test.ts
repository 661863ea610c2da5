import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadDescriptors } from '../../../controller/rpc/descriptors.ts';
import { reflectOver } from '../../../controller/rpc/reflection-service.ts';

const files = loadDescriptors(['health', 'reflection_v1', 'reflection_v1alpha']);

suite('the descriptors that reflection serves', () => {
  test('have every file that one of them imports', () => {
    const names = new Set(files.map(({ name }) => name));
    for (const { name, dependencies } of files) {
      for (const dependency of dependencies)
        assert.ok(names.has(dependency), `${name} imports ${dependency}`);
    }
    assert.ok(names.has('google/protobuf/timestamp.proto'));
  });

  test('know services, methods, messages, and enums inside messages', () => {
    const symbols = new Set(files.flatMap((file) => file.symbols));
    for (const symbol of [
      'renderfarm.v1.JobService',
      'renderfarm.v1.JobService.SubmitJob',
      'renderfarm.v1.Hello',
      'renderfarm.v1.ItemType',
      'grpc.health.v1.HealthCheckResponse.ServingStatus',
      'grpc.reflection.v1alpha.ServerReflection',
    ]) {
      assert.ok(symbols.has(symbol), symbol);
    }
  });
});

suite('reflection', () => {
  const reflect = reflectOver(files, ['a.Service']);

  test('gives a file with everything that it imports', () => {
    const ask = {
      host: '',
      message_request: 'file_by_filename',
      file_by_filename: 'renderfarm/v1/farm.proto',
    };
    const answer = reflect(ask);
    assert.ok('file_descriptor_response' in answer);
    // farm, agent, job, timestamp, duration.
    assert.equal(answer.file_descriptor_response.file_descriptor_proto.length, 5);
  });

  test('says what it does not know', () => {
    const unknown = {
      host: '',
      message_request: 'file_containing_symbol',
      file_containing_symbol: 'no.Such',
    };
    assert.deepStrictEqual(reflect(unknown), {
      error_response: { error_code: 5, error_message: 'No symbol no.Such here' },
    });
    assert.deepStrictEqual(reflect({ host: '' }), {
      error_response: { error_code: 3, error_message: 'The request asks nothing' },
    });
  });
});
