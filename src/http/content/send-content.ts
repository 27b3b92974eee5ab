import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Blobs } from '../../blobs/blobs.ts';
import { Problem } from '../../errors.ts';
import type { AnswerDoc, HeaderDoc } from '../route.ts';
import { Text } from '../schemas.ts';
import { attachment } from './disposition.ts';
import { matchesNone } from './etag.ts';
import { parseRange } from './range.ts';

export interface Content {
  /** The bytes, or a range of them whose ends are both included. */
  read(range: { start: number; end: number } | null): Promise<Readable>;
  /** An address of the store to send the caller to; absent or null where the bytes go through this server. */
  link?(as: { disposition: string; mediaType: string }): Promise<string | null>;
  sha256: string;
  sizeBytes: number;
  filename: string;
  mediaType: string;
}

/** Answers with bytes, or the part of them that was asked for. Their SHA-256 is their entity tag: bytes never change under it. */
export async function sendContent(content: Content, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { sizeBytes, sha256 } = content;
  const tag = `"${sha256}"`;
  const headers = {
    etag: tag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    'content-disposition': attachment(content.filename),
  };
  if (matchesNone(request.headers['if-none-match'], tag)) return reply.code(304).headers(headers).send();
  const address = await content.link?.({ disposition: headers['content-disposition'], mediaType: content.mediaType });
  // The store heeds Range by itself. What is downloaded there still has this digest.
  if (address)
    return reply
      .code(307)
      .headers({ ...headers, location: address, 'cache-control': 'private, no-store' })
      .send();
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === tag ? parseRange(request.headers.range, sizeBytes) : null;
  if (range === 'unsatisfiable') {
    throw new Problem('RANGE_NOT_SATISFIABLE', `The content has ${sizeBytes} bytes. Received: ${request.headers.range}`, {
      headers: { 'content-range': `bytes */${sizeBytes}` },
    });
  }
  // To HEAD an empty stream: the length of any other empty body would be announced instead of the content's.
  const bytes = request.method === 'HEAD' ? Readable.from([]) : await content.read(range);
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
  return reply
    .headers({ ...headers, 'content-length': range ? range.end - range.start + 1 : sizeBytes })
    .type(content.mediaType)
    .send(bytes);
}

/** Stored bytes. Reading them rejects with Problem GONE where they are there no more. */
export function storedContent(blobs: Blobs, key: string): Pick<Content, 'read' | 'link'> {
  return {
    async read(range) {
      try {
        return await blobs.read(key, range ?? undefined);
      } catch (error) {
        if (error instanceof Problem && error.code === 'NOT_FOUND') throw new Problem('GONE', 'The content was deleted');
        throw error;
      }
    },
    link: (as) => blobs.link(key, as),
  };
}

/** The request headers that `sendContent` heeds. */
export const CONTENT_HEADERS: Record<string, HeaderDoc> = {
  Range: { description: 'One range of bytes.', schema: Text, example: 'bytes=0-1023' },
  'If-Range': { description: 'The entity tag of which the range is meant; another gets the whole content.', schema: Text },
  'If-None-Match': { description: 'Entity tags for which there is nothing new.', schema: Text },
};

/** The answers of `sendContent`. */
export function contentAnswers(...mediaTypes: readonly string[]): Record<number, AnswerDoc> {
  const content = Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, { schema: null }]));
  const headers: Record<string, HeaderDoc> = {
    ETag: { description: 'The SHA-256 of the whole content.', schema: Text },
    'Repr-Digest': { description: 'The same as RFC 9530 prints it.', schema: Text },
    'Content-Disposition': { description: 'A file name to save it under.', schema: Text },
  };
  return {
    200: { description: 'The whole content.', content, headers },
    206: {
      description: 'The range that was asked for.',
      content,
      headers: { ...headers, 'Content-Range': { description: 'Where the range lies.', schema: Text } },
    },
    304: { description: 'The content is the one that If-None-Match names.' },
    307: {
      description: 'The content lies in the store that Location names, for five minutes; with ESPALIER_S3_DOWNLOADS=redirect.',
      headers: { Location: { description: 'Where to get it, without a key.', schema: Text } },
    },
  };
}
