import { CONTENT_HEADERS, contentAnswers, sendContent } from '../content/send-content.ts';
import { living } from '../living.ts';
import { MODEL_ID } from '../params.ts';
import { route } from '../route.ts';

export const getModelContent = route({
  method: 'GET',
  path: '/v1/models/:id/content',
  operationId: 'downloadModel',
  summary: 'Download a model',
  description: 'The file byte for byte as it was uploaded or made.',
  tag: 'Models',
  access: 'read',
  params: MODEL_ID,
  headers: CONTENT_HEADERS,
  answers: contentAnswers('application/octet-stream'),
  problems: ['NOT_FOUND', 'GONE', 'RANGE_NOT_SATISFIABLE'],

  async handle({ principal, params, services, request, reply }) {
    const id = params.id as string;
    const row = living(await services.ledger.findModel(principal.tenant, id), 'model', id);
    const content = {
      blobKey: row.blob_key,
      sha256: row.sha256,
      sizeBytes: row.size_bytes,
      filename: `${row.name}.keras`,
      mediaType: 'application/octet-stream',
    };
    return sendContent(content, services.blobs, request, reply);
  },
});
