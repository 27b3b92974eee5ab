import Type from 'typebox';
import { strictObject } from '../../schema.ts';
import { VERSION } from '../../version.ts';
import { route } from '../route.ts';

export const Health = strictObject({ status: Type.Literal('ok'), version: Type.String() }, { title: 'Health' });

export const healthz = route({
  method: 'GET',
  path: '/healthz',
  operationId: 'getHealth',
  summary: 'Whether the server lives',
  tag: 'Service',
  access: 'open',
  answers: {
    200: { description: 'It does.', content: { 'application/json': { schema: Health, example: { status: 'ok', version: '0.1.0' } } } },
  },

  async handle() {
    return { status: 'ok', version: VERSION };
  },
});
