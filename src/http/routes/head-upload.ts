import { UPLOAD_ID } from '../params.ts';
import { route } from '../route.ts';
import { foundUpload } from '../tus/found.ts';
import { standing, TUS_HEADERS } from '../tus/protocol.ts';

export const headUpload = route({
  method: 'HEAD',
  path: '/v1/uploads/:id',
  operationId: 'getUploadOffset',
  summary: 'Ask how much of a resumable upload has come',
  tag: 'Uploads',
  access: 'write',
  tus: true,
  params: UPLOAD_ID,
  headers: TUS_HEADERS.resumable,
  answers: {
    200: {
      description: 'So much.',
      headers: {
        ...TUS_HEADERS.resumable,
        ...TUS_HEADERS.offset,
        ...TUS_HEADERS.length,
        ...TUS_HEADERS.metadata,
        ...TUS_HEADERS.expires,
      },
    },
  },
  problems: ['TUS_VERSION_UNSUPPORTED', 'NOT_FOUND'],

  async handle({ principal: { tenant }, params, services: { ledger }, reply }) {
    const upload = await foundUpload(ledger, tenant, params.id as string);
    return reply
      .headers({ 'upload-length': `${upload.length}`, ...standing(upload) })
      .headers(upload.metadata === '' ? {} : { 'upload-metadata': upload.metadata })
      .send();
  },
});
