import { FarmError } from '../domain/errors.ts';

/** What of a grpc-js call tells who the other end is. */
export interface AuthenticatedCall {
  getAuthContext(): {
    readonly sslPeerCertificate?: {
      readonly subject: { readonly CN?: string | string[] };
      readonly subjectaltname?: string | undefined;
    };
  };
}

/** What an agent may be called: it stands in logs, in file names and on pages. */
const agentIdForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u;

/**
 * An agent's id is a plain name, and under mTLS its certificate's (protocol.md, Identities): the common name, or a DNS
 * name.
 * @throws FarmError INVALID_REQUEST, UNAUTHENTICATED
 */
export function requireAgentName(call: AuthenticatedCall, agentId: string): void {
  if (!agentIdForm.test(agentId)) {
    const description = 'must be letters, digits, dots, dashes; at most 63';
    throw new FarmError('INVALID_REQUEST', `hello.agent_id: ${description}`, {
      violations: [{ field: 'hello.agent_id', description }],
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
