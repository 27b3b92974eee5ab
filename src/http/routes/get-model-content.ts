import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { ModelRow } from '../../ledger/ledger.ts';
import { OutputFormat } from '../../model/facts.ts';
import { FORMATS } from '../../model/formats/index.ts';
import { CONTENT_HEADERS, contentAnswers, sendContent, storedContent } from '../content/send-content.ts';
import { living } from '../living.ts';
import { modelPath } from '../model-path.ts';
import { MODEL_ID } from '../params.ts';
import { route } from '../route.ts';
import type { Services } from '../services.ts';

export const getModelContent = route({
  method: 'GET',
  path: '/v1/models/:id/content',
  operationId: 'downloadModel',
  summary: 'Download a model',
  description:
    'The file byte for byte as it was uploaded or made; with `format` the same model in another format, made for this request. It is the same file each time, under one entity tag.',
  tag: 'Models',
  access: 'read',
  params: MODEL_ID,
  query: Type.Object({ format: Type.Optional(OutputFormat) }, { additionalProperties: false }),
  headers: CONTENT_HEADERS,
  answers: contentAnswers(...new Set(Object.values(FORMATS).map(({ mediaType }) => mediaType))),
  problems: ['NOT_FOUND', 'GONE', 'RANGE_NOT_SATISFIABLE', 'UNSUPPORTED_CONVERSION', 'TOO_MANY_REQUESTS'],

  async handle({ principal, params, query, services, request, reply }) {
    const id = params.id as string;
    const row = living(await services.ledger.findModel(principal.tenant, id), 'model', id);
    const format = query.format ?? row.facts.format;
    if (format !== row.facts.format) return services.uploads.within(() => sendConverted(row, format, services, request, reply));
    const { extension, mediaType } = FORMATS[format];
    const stored = storedContent(services.blobs, row.blob_key);
    const content = { ...stored, sha256: row.sha256, sizeBytes: row.size_bytes, filename: `${row.name}${extension}`, mediaType };
    return sendContent(content, request, reply);
  },
});

/** Answers with the model in a format that it is not stored in. The file made is gone once it is sent. */
async function sendConverted(
  row: ModelRow,
  format: OutputFormat,
  { blobs, convertModel }: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const scratch = await blobs.scratch();
  const remove = () => {
    scratch.remove().catch((error) => request.log.warn({ error }, 'A converted model was not removed'));
  };
  let isRead = false;
  try {
    const out = join(scratch.folder, 'converted');
    const { sha256, size_bytes: sizeBytes } = await convertModel(await modelPath(row, blobs), format, out);
    const { extension, mediaType } = FORMATS[format];
    const read = async (range: { start: number; end: number } | null) => {
      isRead = true;
      return createReadStream(out, range ?? {});
    };
    const sent = await sendContent({ read, sha256, sizeBytes, filename: `${row.name}${extension}`, mediaType }, request, reply);
    request.log.info({ modelId: row.id, format, bytes: sizeBytes }, 'Model was converted');
    return sent;
  } finally {
    // A stream goes on after the handler has answered.
    if (isRead) finished(reply.raw, remove);
    else remove();
  }
}
