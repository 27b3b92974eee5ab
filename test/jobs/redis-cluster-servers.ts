import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../services/free-port.ts';
import type { Certificate } from './certificates.ts';
import { redisProcess } from './redis-server.ts';

const NODES = 3;
const SLOTS = 16_384;

export interface TestCluster {
  /** As REDIS_URL has it; names all nodes but the last. */
  url: string;
  /** The node that has a key's slot. */
  nodeOf(key: string): Promise<ClusterNode>;
  destroy(): Promise<void>;
}

interface ClusterNode {
  port: number;
  /** Kills it with all it knew but its slots. */
  kill(): Promise<void>;
  /** Starts it again; resolves when the Cluster is whole. */
  start(): Promise<void>;
}

/** Nodes that speak nothing but TLS, to each other as well, and believe none that the authority does not know. */
export interface ClusterTls {
  authority: string;
  node: Certificate;
}

/** A Redis Cluster of the test's own on loopback: three nodes with a third of the slots each, and nobody to take the place of one. */
export async function startRedisCluster(tls: ClusterTls | null = null): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-redis-cluster-'));
  const nodes = await Promise.all(Array.from({ length: NODES }, (_, index) => openNode(join(folder, `${index}`), tls)));
  const whole = Promise.all(nodes.map((node) => node.start()));
  const trusted = tls && { ca: readFileSync(tls.authority), cert: readFileSync(tls.node.certificate), key: readFileSync(tls.node.key) };
  const clients = nodes.map(({ port }) => new Redis(port, '127.0.0.1', trusted ? { tls: trusted } : {}).on('error', () => undefined));
  const share = Math.ceil(SLOTS / NODES);
  for (const [index, client] of clients.entries()) {
    await client.cluster('ADDSLOTSRANGE', index * share, Math.min((index + 1) * share, SLOTS) - 1);
    if (index > 0) await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', `${nodes[index]!.port}`, `${nodes[index]!.busPort}`);
  }
  await whole;
  const [one, two] = nodes;
  return {
    url: `${tls ? 'rediss' : 'redis'}+cluster://127.0.0.1:${one!.port},127.0.0.1:${two!.port}`,
    nodeOf: async (key) => nodes[Math.floor((await clients[0]!.cluster('KEYSLOT', key)) / share)]!,
    async destroy() {
      for (const client of clients) client.disconnect();
      await Promise.all(nodes.map((node) => node.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openNode(folder: string, tls: ClusterTls | null): Promise<ClusterNode & { busPort: number }> {
  await mkdir(folder);
  const [port, busPort] = [await freePort(), await freePort()];
  const secured = tls && ['--tls-ca-cert-file', tls.authority, '--tls-cert-file', tls.node.certificate, '--tls-key-file', tls.node.key];
  const listening = secured ? ['--port', '0', '--tls-port', `${port}`, '--tls-cluster', 'yes', ...secured] : ['--port', `${port}`];
  const settings = [...listening, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const cluster = ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`, '--cluster-node-timeout', '1000'];
  return { port, busPort, ...redisProcess([...settings, ...cluster], /Cluster state changed: ok/) };
}
