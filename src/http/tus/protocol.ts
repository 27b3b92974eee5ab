/** What the server and its clients say to each other by tus 1.0 (https://tus.io/protocols/resumable-upload). */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { Problem, received } from '../../errors.ts';
import type { UploadRow } from '../../ledger/ledger.ts';
import type { HeaderDoc } from '../route.ts';
import { Text } from '../schemas.ts';

export const TUS_VERSION = '1.0.0';
export const TUS_EXTENSIONS = 'creation,termination,checksum,expiration';
export const CHECKSUM_ALGORITHMS = ['sha1', 'sha256'] as const;
/** Of the bytes of a piece of an upload. */
export const OCTETS = 'application/offset+octet-stream';
const METADATA_BYTES = 4096;

const Bytes = Type.String({ pattern: '^[0-9]{1,15}$' });
const ENTRY = '[!-+\\--~]+( [A-Za-z0-9+/]*={0,2})?';

export const TUS_HEADERS = {
  resumable: {
    'Tus-Resumable': {
      description: 'The version of the protocol.',
      schema: Type.Literal(TUS_VERSION),
      example: TUS_VERSION,
      required: true,
    },
  },
  offset: {
    'Upload-Offset': { description: 'Bytes that have come, from the start of the file on.', schema: Bytes, example: '0', required: true },
  },
  length: { 'Upload-Length': { description: 'Bytes that the file has.', schema: Bytes, example: '1048576', required: true } },
  metadata: {
    'Upload-Metadata': {
      description: `What the client says of the file: names, each with a value in base64, with commas; ${METADATA_BYTES} bytes. \`filename\` names what is made of it.`,
      schema: Type.String({ pattern: `^(${ENTRY}( *, *${ENTRY})*)?$`, maxLength: METADATA_BYTES }),
      example: 'filename bW9kZWwua2VyYXM=',
      required: false,
    },
  },
  expires: { 'Upload-Expires': { description: 'When it expires, unless more of it comes before.', schema: Text } },
} satisfies Record<string, Record<string, HeaderDoc>>;

/** Every answer names the version; a request of another is refused with 412 TUS_VERSION_UNSUPPORTED, before it is looked at. */
export function installTus(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // The handler reads it.
  app.addContentTypeParser(OCTETS, (_request, _payload, done) => done(null));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('tus-resumable', TUS_VERSION);
    const version = request.headers['tus-resumable'];
    if (request.method === 'OPTIONS' || version === TUS_VERSION) return;
    const detail = `Send "Tus-Resumable: ${TUS_VERSION}". Received: ${version ?? 'none'}`;
    throw new Problem('TUS_VERSION_UNSUPPORTED', detail, { headers: { 'tus-version': TUS_VERSION } });
  });
}

/** What says where an upload stands. */
export function standing({ received: offset, expires_at }: Pick<UploadRow, 'received' | 'expires_at'>): Record<string, string> {
  return { 'upload-offset': `${offset}`, 'upload-expires': new Date(expires_at).toUTCString() };
}

/** A header that is a number of bytes. Throws MALFORMED_REQUEST. */
export function byteCount(headers: IncomingHttpHeaders, name: 'upload-length' | 'upload-offset'): number {
  const text = headers[name];
  const value = typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new Problem('MALFORMED_REQUEST', `The header ${name} is to be a number of bytes. Received: ${received(text ?? 'none')}`);
}

/** The header Upload-Metadata where it is one, empty where there is none. Throws MALFORMED_REQUEST. */
export function uploadMetadata(headers: IncomingHttpHeaders): string {
  const text = headers['upload-metadata'] ?? '';
  const entry = new RegExp(`^${ENTRY}$`);
  const isOne =
    text === '' || (typeof text === 'string' && text.length <= METADATA_BYTES && text.split(',').every((part) => entry.test(part.trim())));
  if (isOne) return text as string;
  throw new Problem(
    'MALFORMED_REQUEST',
    `The header Upload-Metadata has names, each with a value in base64, with commas, ${METADATA_BYTES} bytes in all. Received: ${received(text)}`,
  );
}

/** The name of the file, where the metadata have one; the first where they have several. */
export function filenameOf(metadata: string): string | null {
  const entry = metadata
    .split(',')
    .map((part) => part.trim().split(' '))
    .find(([name]) => name === 'filename');
  return entry ? Buffer.from(entry[1] ?? '', 'base64').toString('utf8') : null;
}

/** What the body is to hash to. */
export interface Checksum {
  algorithm: (typeof CHECKSUM_ALGORITHMS)[number];
  /** In base64. */
  digest: string;
}

/** The header Upload-Checksum; null where there is none. Throws MALFORMED_REQUEST. */
export function uploadChecksum(headers: IncomingHttpHeaders): Checksum | null {
  const text = headers['upload-checksum'];
  if (text === undefined) return null;
  const [name, digest, ...rest] = typeof text === 'string' ? text.split(' ') : [];
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === name);
  if (algorithm && digest && rest.length === 0) return { algorithm, digest };
  const accepted = CHECKSUM_ALGORITHMS.map((known) => `"${known} <base64>"`).join(' or ');
  throw new Problem('MALFORMED_REQUEST', `The header Upload-Checksum is to be ${accepted}. Received: ${received(text)}`);
}
