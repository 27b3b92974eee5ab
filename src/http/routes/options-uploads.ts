import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { CHECKSUM_ALGORITHMS, TUS_EXTENSIONS, TUS_VERSION } from '../tus/protocol.ts';

export const optionsUploads = route({
  method: 'OPTIONS',
  path: '/v1/uploads',
  operationId: 'describeUploads',
  summary: 'Ask which resumable uploads the server takes',
  tag: 'Uploads',
  access: 'open',
  tus: true,
  answers: {
    204: {
      description: 'It says so in its headers.',
      headers: {
        'Tus-Version': { description: 'Versions of the protocol.', schema: Text },
        'Tus-Extension': { description: 'Its extensions.', schema: Text },
        'Tus-Max-Size': { description: 'Bytes that an upload may have.', schema: Text },
        'Tus-Checksum-Algorithm': { description: 'Algorithms of checksums.', schema: Text },
      },
    },
  },

  async handle({ services: { limits }, reply }) {
    return reply
      .code(204)
      .headers({
        'tus-version': TUS_VERSION,
        'tus-extension': TUS_EXTENSIONS,
        'tus-max-size': `${limits.maxResumableBytes}`,
        'tus-checksum-algorithm': CHECKSUM_ALGORITHMS.join(','),
      })
      .send();
  },
});
