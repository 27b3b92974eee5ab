import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Receiver {
  port: number;
  url: string;
  received: Received[];
  /** What is done with the requests from now on; 204 where it is not said. */
  answer: (response: ServerResponse, received: Received) => void;
  close(): Promise<void>;
}

/** Somebody's server on this machine, which keeps what it is sent. */
export async function openReceiver(host = '127.0.0.1'): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    const received = { path: request.url ?? '', headers: request.headers, body: await text(request).catch(() => '') };
    receiver.received.push(received);
    receiver.answer(response, received);
  });
  await new Promise<void>((listening) => server.listen(0, host, listening));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    port,
    url: `http://${host}:${port}/hook`,
    received: [],
    answer: (response) => response.writeHead(204).end(),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
