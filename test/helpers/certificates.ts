import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A CA, and certificates that it signed, made for this run. */
export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly pc1: { readonly cert: string; readonly key: string };
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'rpc-tls-'));
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test CA');
  const signed = async (name: string, subjectAltName: string) => {
    const issue = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', `subjectAltName=${subjectAltName}`];
    const out = ['-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name}`];
    await openssl('req', '-x509', ...newKey, ...issue, ...out);
    const read = (file: string) => readFile(join(folder, file), 'utf8');
    return { cert: await read(`${name}.crt`), key: await read(`${name}.key`) };
  };
  const server = await signed('server', 'IP:127.0.0.1');
  const pc1 = await signed('pc1', 'DNS:pc1');
  return { folder, ca: await readFile(join(folder, 'ca.crt'), 'utf8'), server, pc1 };
}
