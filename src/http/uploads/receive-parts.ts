import { join } from 'node:path';
import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { receiveFile } from '../../blobs/receive.ts';
import { Problem, received } from '../../errors.ts';
import { suggestion } from '../validation/suggestion.ts';

/** A file of an upload, in full on this machine. */
export interface ReceivedFile {
  name: string;
  /** As the caller named it; trusted for nothing. */
  filename: string | null;
  /** Its bytes may not be on disk yet. */
  path: string;
  sha256: string;
  size_bytes: number;
}

export interface ReceivedParts {
  files: ReceivedFile[];
  fields: Record<string, string>;
}

const FIELD_BYTES = 64 * 1024;
/** Of a name that may come more than once: the largest upload in shards of TensorFlow.js' size, and room. */
const REPEATED_FILES = 1_000;
/** What multipart itself may add: boundaries and the parts' headers. */
const ENVELOPE_BYTES = 64 * 1024;

/**
 * Streams the parts of an upload into `folder`, hashing them on the way. Each part may come once, but for `repeated`, a file. Throws PAYLOAD_TOO_LARGE beyond `maxBytes` for all
 * files together, VALIDATION_FAILED for a part that is not known, MALFORMED_REQUEST for an upload that breaks off, and STORAGE_FULL. What comes after
 * a fault is read and thrown away, so that the caller gets to see the answer.
 */
export async function receiveParts(
  request: FastifyRequest,
  {
    files,
    fields,
    maxBytes,
    folder,
    repeated = null,
    fieldBytes = FIELD_BYTES,
  }: {
    files: readonly string[];
    fields: readonly string[];
    maxBytes: number;
    folder: string;
    repeated?: string | null;
    /** That a field may have. */
    fieldBytes?: number;
  },
): Promise<ReceivedParts> {
  const got: ReceivedParts = { files: [], fields: {} };
  const budget = { left: maxBytes };
  const tooLarge = () => new Problem('PAYLOAD_TOO_LARGE', `An upload may have ${maxBytes} bytes, all files together`);
  try {
    if (Number(request.headers['content-length']) > maxBytes + ENVELOPE_BYTES) throw tooLarge();
    const limits = {
      fileSize: Number.POSITIVE_INFINITY,
      fieldSize: fieldBytes,
      fields: 16,
      files: repeated ? REPEATED_FILES : 16,
      parts: repeated ? REPEATED_FILES + 16 : 32,
      headerPairs: 32,
    };
    for await (const part of request.parts({ limits })) {
      // The types do not know that a part may say nothing of its name.
      const name = part.fieldname as string | undefined;
      if (name === undefined) throw new Problem('VALIDATION_FAILED', `A part has no name. Known: ${knownParts(files, fields).join(', ')}`);
      if (!(part.type === 'file' ? files : fields).includes(name)) throw unknownPart(part, files, fields);
      const isAgain = got.files.some((file) => file.name === name) && name !== repeated;
      if (isAgain || Object.hasOwn(got.fields, name)) throw fault(name, `came more than once`);
      if (part.type === 'field') {
        if (part.valueTruncated) throw fault(name, `is longer than ${fieldBytes} bytes`);
        got.fields[name] = typeof part.value === 'string' ? part.value : JSON.stringify(part.value);
        continue;
      }
      const path = join(folder, got.files.some((file) => file.name === name) ? `${name}-${got.files.length}` : name);
      const stored = await receiveFile(path, within(budget, part, tooLarge), { passing: true });
      got.files.push({ name, filename: part.filename ?? null, path, ...stored });
    }
    return got;
  } catch (error) {
    request.raw.unpipe();
    request.raw.resume();
    throw asUploadProblem(error);
  }
}

/** The bytes of a file, as long as they fit into what is left. */
async function* within(budget: { left: number }, part: MultipartFile, tooLarge: () => Problem): AsyncGenerator<Buffer> {
  for await (const chunk of part.file) {
    budget.left -= chunk.length;
    if (budget.left < 0) throw tooLarge();
    yield chunk;
  }
}

function unknownPart(part: Multipart, files: readonly string[], fields: readonly string[]): Problem {
  const name = part.fieldname;
  if (part.type === 'file' && fields.includes(name)) return fault(name, 'is a field, not a file: send it without a file name');
  if (part.type === 'field' && files.includes(name)) return fault(name, 'is a file, not a field: send it with a file name');
  const known = knownParts(files, fields);
  const meant = suggestion(name, known);
  return fault(name, `is not known here. ${meant === null ? `Known: ${known.join(', ')}` : `Did you mean '${meant}'?`}`);
}

/** Some may be either. */
function knownParts(files: readonly string[], fields: readonly string[]): string[] {
  return [...new Set([...files, ...fields])];
}

function fault(name: string, detail: string): Problem {
  const full = `The part ${received(name)} ${detail}`;
  return new Problem('VALIDATION_FAILED', full, { items: [{ pointer: `#part:${name}`, detail: full }] });
}

/** What the multipart parser says, as the caller's fault that it is. */
function asUploadProblem(error: unknown): unknown {
  if (error instanceof Problem) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'FST_PARTS_LIMIT' || code === 'FST_FILES_LIMIT' || code === 'FST_FIELDS_LIMIT') {
    return new Problem('PAYLOAD_TOO_LARGE', 'The upload has too many parts', { cause: error });
  }
  if (code === 'FST_PROTO_VIOLATION') return new Problem('VALIDATION_FAILED', 'A part has a name that no part may have', { cause: error });
  if (code === 'FST_INVALID_JSON_FIELD_ERROR') return new Problem('INVALID_JSON', 'A field says it is JSON and is not', { cause: error });
  const brokeOff = code === 'FST_MP_PREMATURE_CLOSE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
  if (brokeOff || /multipart|terminated early|boundary|part header/i.test(message ?? '')) {
    return new Problem('MALFORMED_REQUEST', `The upload is not whole: ${message}`, { cause: error });
  }
  return error;
}
