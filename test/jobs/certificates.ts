/** Certificates of an authority of the test's own. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  /** Files. */
  key: string;
  certificate: string;
}

export interface Authority {
  certificate: string;
  /** A certificate for 127.0.0.1. */
  certify(name: string): Promise<Certificate>;
}

/** An authority whose files, and those of what it certifies, are in `folder`. */
export async function makeAuthority(folder: string): Promise<Authority> {
  const at = (name: string) => join(folder, name);
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=authority'];
  await run('openssl', [...made, '-keyout', at('ca.key'), '-out', at('ca.crt')]);
  return {
    certificate: at('ca.crt'),
    async certify(name) {
      const key = at(`${name}.key`);
      const request = at(`${name}.csr`);
      const certificate = at(`${name}.crt`);
      const extensions = at(`${name}.extensions`);
      await writeFile(extensions, 'subjectAltName = IP:127.0.0.1\n');
      await run('openssl', ['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
      const by = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '1', '-extfile', extensions];
      await run('openssl', ['x509', '-req', '-in', request, ...by, '-out', certificate]);
      return { key, certificate };
    },
  };
}
