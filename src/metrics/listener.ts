import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './registry.ts';

/** Where a worker's metrics are to be had. */
export interface MetricsListener {
  /** As it was bound. */
  port: number;
  close(): Promise<void>;
}

/** Answers `GET /metrics` with the metrics, and nothing else. Whoever reaches it may read them: they are counts. Throws an Error when it cannot listen there. */
export async function listenForMetrics(metrics: Metrics, place: { host: string; port: number }): Promise<MetricsListener> {
  const server = createServer(async (request, response) => {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cross-origin-resource-policy', 'same-origin');
    request.resume();
    if (request.url?.split('?')[0] !== '/metrics') return void response.writeHead(404).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    const text = await metrics.text().catch(() => null);
    if (text === null) return void response.writeHead(500).end();
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
  });
  server.requestTimeout = 10_000;
  server.listen(place.port, place.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
