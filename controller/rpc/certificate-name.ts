import { FarmError } from '../domain/errors.ts';
import { isPlainName, plainNameRule } from '../domain/text-rules.ts';

/** What of a grpc-js call tells who the other end is. */
export interface AuthenticatedCall {
  getAuthContext(): {
    readonly sslPeerCertificate?: {
      readonly subject: { readonly CN?: string | string[] };
      readonly subjectaltname?: string | undefined;
    };
  };
}

/**
 * An agent's id is a plain name, and under mTLS its certificate's (protocol.md, Identities): the common name, or a DNS
 * name.
 * @throws FarmError INVALID_REQUEST, UNAUTHENTICATED
 */
export function requireAgentName(call: AuthenticatedCall, agentId: string): void {
  if (!isPlainName(agentId)) {
    throw new FarmError('INVALID_REQUEST', `hello.agent_id: ${plainNameRule}`, {
      violations: [{ field: 'hello.agent_id', description: plainNameRule }],
    });
  }
  const names = certificateNames(call);
  if (names === undefined || names.has(agentId)) return;
  throw new FarmError(
    'UNAUTHENTICATED',
    `Agent ${agentId} brings the certificate of ${[...names].join(', ')}`,
  );
}

/** Common and DNS names of the caller's certificate, the common name first; undefined: it brings none. */
export function certificateNames(call: AuthenticatedCall): ReadonlySet<string> | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate === undefined) return undefined;
  return new Set([certificate.subject.CN ?? [], dnsNames(certificate.subjectaltname ?? '')].flat());
}

/** Node quotes an alternative name that has a comma or worse in it: such a list is not taken apart, it is not believed. */
function dnsNames(alternatives: string): readonly string[] {
  if (alternatives.includes('"')) return [];
  return alternatives
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length));
}
