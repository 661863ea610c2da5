import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requireAgentName } from '../../../controller/rpc/certificate-name.ts';

function call(CN: string, subjectaltname?: string): Parameters<typeof requireAgentName>[0] {
  return { getAuthContext: () => ({ sslPeerCertificate: { subject: { CN }, subjectaltname } }) };
}

const withoutCertificate = { getAuthContext: () => ({}) };

describe('the name of an agent', () => {
  it("is its certificate's common name, or one of its DNS names", () => {
    requireAgentName(call('pc1'), 'pc1');
    requireAgentName(call('farm', 'DNS:pc0, DNS:pc1, IP Address:10.0.0.1'), 'pc1');
    requireAgentName(withoutCertificate, 'pc1');
  });

  it('is no other part of the certificate, however it is written', () => {
    const alternatives = [
      'IP Address:pc1',
      'URI:pc1',
      'URI:"http://x, DNS:pc1, y"',
      'DNS:"a, DNS:pc1"',
      'DNS:pc10',
      '',
    ];
    for (const text of alternatives) {
      assert.throws(() => requireAgentName(call('farm', text), 'pc1'), { code: 'UNAUTHENTICATED' }, text);
    }
  });

  it('is plain', () => {
    for (const id of ['', '.', '../pc1', 'pc 1', 'pc1\n', 'DNS:pc1', 'x'.repeat(64), 'пк1']) {
      assert.throws(
        () => requireAgentName(withoutCertificate, id),
        { code: 'INVALID_REQUEST' },
        JSON.stringify(id),
      );
    }
  });
});
