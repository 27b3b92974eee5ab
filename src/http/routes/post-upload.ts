import { Problem } from '../../errors.ts';
import { newId } from '../../jobs/ids.ts';
import type { UploadRow } from '../../ledger/ledger.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { byteCount, standing, TUS_HEADERS, uploadMetadata } from '../tus/protocol.ts';

export const postUpload = route({
  method: 'POST',
  path: '/v1/uploads',
  operationId: 'createUpload',
  summary: 'Begin a resumable upload',
  description:
    'For files too large for one request, or lines that break: tus 1.0, which any tus client speaks. Nothing is in the body. Once all bytes have come `POST /v1/models` and `POST /v1/datasets` take the id in place of a file.',
  tag: 'Uploads',
  access: 'write',
  tus: true,
  headers: { ...IDEMPOTENCY_HEADER, ...TUS_HEADERS.resumable, ...TUS_HEADERS.length, ...TUS_HEADERS.metadata },
  answers: {
    201: {
      description: 'It may come.',
      headers: {
        Location: { description: 'Where its bytes go: its id is the last part.', schema: Text },
        ...TUS_HEADERS.resumable,
        ...TUS_HEADERS.offset,
        ...TUS_HEADERS.expires,
        ...REPLAYED_HEADER,
      },
    },
  },
  problems: [
    'IDEMPOTENCY_MISMATCH',
    'IDEMPOTENCY_IN_PROGRESS',
    'CONFLICT',
    'TUS_VERSION_UNSUPPORTED',
    'PAYLOAD_TOO_LARGE',
    'STORAGE_FULL',
    'UNSUPPORTED_MEDIA_TYPE',
  ],

  async handle({ principal: { tenant }, services: { ledger, limits }, request, reply }) {
    const { headers } = request;
    if (headers['upload-defer-length'] !== undefined) {
      throw new Problem(
        'MALFORMED_REQUEST',
        'The length of an upload is told when it begins: Upload-Length in place of Upload-Defer-Length',
      );
    }
    if (Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined) {
      throw new Problem('MALFORMED_REQUEST', 'An upload begins without any of its bytes: they come with PATCH');
    }
    const length = byteCount(headers, 'upload-length');
    if (length > limits.maxResumableBytes) {
      throw new Problem('PAYLOAD_TOO_LARGE', `A resumable upload may have ${limits.maxResumableBytes} bytes. Received: ${length}`);
    }
    const metadata = uploadMetadata(headers);
    const row = await underKey(ledger, tenant, idempotencyKey(headers), async (held): Promise<UploadRow> => {
      const settled = await held.settle({ create: 'upload', length, metadata });
      if ('replayed' in settled) {
        const { id } = settled.replayed;
        const known = await ledger.findUpload(tenant, id);
        if (!known) throw new Problem('CONFLICT', `The first request with this idempotency key began ${id}, which is used or gone`);
        reply.header('idempotency-replayed', 'true');
        return known;
      }
      const now = Date.now();
      const begun = { id: newId('upl'), tenant, length, received: 0, metadata, created_at: now, expires_at: now + limits.uploadsKeptMs };
      await ledger.insertUpload(begun, settled.claim);
      return begun;
    });
    return reply
      .code(201)
      .headers({ location: `/v1/uploads/${row.id}`, ...standing(row) })
      .send();
  },
});
