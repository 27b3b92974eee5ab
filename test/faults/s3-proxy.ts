/** Stands before an S3 server and does to requests what networks and busy stores do. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `lost`: the store does it, and the answer never arrives. `cut`: half of the answer arrives. `slow`: five seconds late. */
export type S3Mood = 'well' | 'fails' | 'busy' | 'slow' | 'lost' | 'cut' | 'read_only';

export interface S3Proxy {
  port: number;
  mood: S3Mood;
  /** Requests that were disturbed. */
  disturbed: number;
  close(): void;
}

const XML = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;

/** `share` of the requests is disturbed while the mood is another than `well`; `chance` is from 0 to 1. */
export async function startS3Proxy(target: number, share: number, chance: () => number): Promise<S3Proxy> {
  const answer = (reply: ServerResponse, status: number, code: string) =>
    reply.writeHead(status, { 'content-type': 'application/xml' }).end(XML(code));

  async function handle(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const writes = incoming.method !== 'GET' && incoming.method !== 'HEAD';
    const mood = proxy.mood === 'well' || chance() > share ? 'well' : proxy.mood;
    if (mood !== 'well') proxy.disturbed += 1;
    if (mood === 'fails') return void answer(reply, 500, 'InternalError');
    if (mood === 'busy') return void answer(reply, 503, 'SlowDown');
    if (mood === 'read_only' && writes) return void answer(reply, 403, 'AccessDenied');
    if (mood === 'slow') await new Promise((done) => setTimeout(done, 5_000));
    const onward = request(
      { host: '127.0.0.1', port: target, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answered) => {
        if (mood === 'lost') {
          answered.resume().once('end', () => reply.destroy());
          return;
        }
        reply.writeHead(answered.statusCode!, answered.headers);
        if (mood !== 'cut') return void answered.pipe(reply);
        answered.once('data', (chunk: Buffer) => reply.write(chunk.subarray(0, chunk.length / 2), () => reply.destroy()));
        answered.once('end', () => reply.end());
      },
    );
    onward.on('error', () => reply.destroy());
    incoming.on('error', () => onward.destroy());
    incoming.pipe(onward);
  }

  const server = createServer((incoming, reply) => void handle(incoming, reply));
  await new Promise<void>((done) => server.listen(0, '0.0.0.0', done));
  const proxy: S3Proxy = {
    port: (server.address() as AddressInfo).port,
    mood: 'well',
    disturbed: 0,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return proxy;
}
