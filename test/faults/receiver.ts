/** Receives webhooks, and remembers under which ids each event came. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

export interface Receiver {
  url: string;
  /** Its ids by job and event: `job_… job.succeeded`. */
  ids: Map<string, Set<string>>;
  /** Messages whose signature is not that of the secret. */
  forged: number;
  close(): void;
}

export async function startReceiver(secret: () => string): Promise<Receiver> {
  const server = createServer(async (incoming, reply) => {
    const body = await text(incoming);
    const [id, sent, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => String(incoming.headers[name]));
    // By hand: the clock that a message was sent by may be an hour off.
    const expected = new Webhook(secret()).sign(id!, new Date(Number(sent) * 1000), body);
    if (!signatures!.split(' ').includes(expected)) receiver.forged += 1;
    const { type, data } = JSON.parse(body) as { type: string; data: { id: string } };
    const key = `${data.id} ${type}`;
    receiver.ids.set(key, (receiver.ids.get(key) ?? new Set()).add(id!));
    reply.writeHead(204).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    ids: new Map(),
    forged: 0,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}
