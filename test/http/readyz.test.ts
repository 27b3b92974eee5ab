import { expect, it } from 'vitest';
import { startServer } from './harness.ts';

it('a probe of a service that is not ready leaves no line above debug in the log', async () => {
  const server = await startServer();
  const before = server.journal.lines.length;
  expect(await server.call('GET', '/readyz')).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
  await server.journal.said('Request answered');
  const said = server.journal.lines.slice(before);
  expect(said.map(({ msg }) => msg)).toContain('A part of the service is missing');
  expect(said.filter(({ level }) => level > 20)).toEqual([]);
  await server.close();
});
