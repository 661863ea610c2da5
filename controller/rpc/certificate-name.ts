import { FarmError } from '../domain/errors.ts';

/** What of a grpc-js call tells who the other end is. */
interface AuthenticatedCall {
  getAuthContext(): {
    readonly sslPeerCertificate?: {
      readonly subject: { readonly CN?: string | string[] };
      readonly subjectaltname?: string | undefined;
    };
  };
}

/**
 * Under mTLS an agent's id is its certificate's name (protocol.md, Identities): its common name, or a DNS name.
 * @throws FarmError UNAUTHENTICATED
 */
export function requireCertificateOf(call: AuthenticatedCall, agentId: string): void {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate === undefined) return;
  const alternatives = certificate.subjectaltname?.split(', ') ?? [];
  const names = [certificate.subject.CN ?? [], alternatives].flat();
  if (names.includes(agentId) || names.includes(`DNS:${agentId}`)) return;
  throw new FarmError('UNAUTHENTICATED', `Agent ${agentId} brings the certificate of ${names.join(', ')}`);
}
