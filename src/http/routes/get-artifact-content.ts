import { FORMATS } from '../../model/formats/index.ts';
import { CONTENT_HEADERS, contentAnswers, sendContent, storedContent } from '../content/send-content.ts';
import { living } from '../living.ts';
import { ARTIFACT_ID } from '../params.ts';
import { route } from '../route.ts';

export const getArtifactContent = route({
  method: 'GET',
  path: '/v1/artifacts/:id/content',
  operationId: 'downloadArtifact',
  summary: 'Download a file that a job made',
  tag: 'Artifacts',
  access: 'read',
  params: ARTIFACT_ID,
  headers: CONTENT_HEADERS,
  answers: contentAnswers(...new Set(Object.values(FORMATS).map(({ mediaType }) => mediaType))),
  problems: ['NOT_FOUND', 'GONE', 'RANGE_NOT_SATISFIABLE'],

  async handle({ principal, params, services, request, reply }) {
    const id = params.id as string;
    const row = living(await services.ledger.findArtifact(principal.tenant, id), 'artifact', id);
    const content = {
      ...storedContent(services.blobs, row.blob_key),
      sha256: row.sha256,
      sizeBytes: row.size_bytes,
      filename: row.filename,
      mediaType: row.media_type,
    };
    return sendContent(content, request, reply);
  },
});
