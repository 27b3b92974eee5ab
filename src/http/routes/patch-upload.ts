import Type from 'typebox';
import { Problem } from '../../errors.ts';
import { UPLOAD_ID } from '../params.ts';
import { route } from '../route.ts';
import { foundUpload } from '../tus/found.ts';
import { byteCount, CHECKSUM_ALGORITHMS, OCTETS, standing, TUS_HEADERS, uploadChecksum } from '../tus/protocol.ts';
import { receivePieces } from '../tus/receive-pieces.ts';
import { untilGone } from '../tus/until-gone.ts';

export const patchUpload = route({
  method: 'PATCH',
  path: '/v1/uploads/:id',
  operationId: 'continueUpload',
  summary: 'Send bytes of a resumable upload',
  description:
    'As many as the client likes, from where the upload stands on. What has come when the connection breaks is kept; with a checksum all of it is, or nothing.',
  tag: 'Uploads',
  access: 'write',
  tus: true,
  params: UPLOAD_ID,
  headers: {
    ...TUS_HEADERS.resumable,
    ...TUS_HEADERS.offset,
    'Upload-Checksum': {
      description: 'What the body hashes to: `sha1` or `sha256`, and the digest in base64.',
      schema: Type.String({ pattern: `^(${CHECKSUM_ALGORITHMS.join('|')}) [A-Za-z0-9+/]+={0,2}$` }),
      example: 'sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
    },
  },
  octets: OCTETS,
  answers: {
    204: { description: 'They have come.', headers: { ...TUS_HEADERS.resumable, ...TUS_HEADERS.offset, ...TUS_HEADERS.expires } },
  },
  problems: ['TUS_VERSION_UNSUPPORTED', 'NOT_FOUND', 'UPLOAD_OFFSET_MISMATCH', 'UPLOAD_CHECKSUM_MISMATCH'],

  async handle({ principal: { tenant }, params, services, request, reply, gone }) {
    const { ledger, blobs, limits, uploads } = services;
    const { headers } = request;
    try {
      const upload = await foundUpload(ledger, tenant, params.id as string);
      const offset = byteCount(headers, 'upload-offset');
      const checksum = uploadChecksum(headers);
      if (headers['content-type'] !== OCTETS) {
        const given = headers['content-type'] ?? 'none';
        throw new Problem('UNSUPPORTED_MEDIA_TYPE', `This call takes ${OCTETS}. Received: ${given}`, { headers: { accept: OCTETS } });
      }
      if (offset !== upload.received) {
        const detail = `The upload stands at ${upload.received}. Received: Upload-Offset ${offset}`;
        throw new Problem('UPLOAD_OFFSET_MISMATCH', detail, { headers: { 'upload-offset': `${upload.received}` } });
      }
      if (Number(headers['content-length'] ?? 0) > upload.length - offset) {
        throw new Problem(
          'PAYLOAD_TOO_LARGE',
          `The upload is to have ${upload.length} bytes, of which ${upload.length - offset} are missing`,
        );
      }
      const expiresAt = () => Date.now() + limits.uploadsKeptMs;
      const now = await uploads.within(() => {
        const { source, isWhole } = untilGone(request.raw, gone);
        return receivePieces(source, isWhole, upload, { ledger, blobs, checksum, expiresAt });
      });
      return reply.code(204).headers(standing(now)).send();
    } catch (error) {
      // What still comes is read and thrown away, so that the caller gets to see the answer.
      request.raw.resume();
      throw error;
    }
  },
});
