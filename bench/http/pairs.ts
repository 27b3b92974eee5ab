import autocannon from 'autocannon';
import type { Servers } from './servers.ts';

/** How much and how long is asked. */
export interface Load {
  /** Of each server, one after the other. */
  rounds: number;
  /** Of a round. */
  seconds: number;
  connections: number;
  overallRate?: number;
}

export interface Asked {
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** The only status that counts. */
  status: number;
}

export interface Measured {
  /** Requests a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** Asks both in turns, ours first in one round and last in the next; of each the medians of its rounds. A first round of each warms up. */
export async function pairs(servers: Servers, ours: Asked, bare: Asked, load: Load): Promise<{ ours: Measured; bare: Measured }> {
  const found: { ours: Measured[]; bare: Measured[] } = { ours: [], bare: [] };
  const ask = { ours: () => once(servers.ours, ours, load), bare: () => once(servers.bare, bare, load) };
  for (let round = 0; round <= load.rounds; round++) {
    for (const who of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)) {
      const measured = await ask[who]();
      if (round > 0) found[who].push(measured);
    }
  }
  return { ours: medians(found.ours), bare: medians(found.bare) };
}

async function once(address: string, { path, status, ...asked }: Asked, { seconds, connections, overallRate }: Load): Promise<Measured> {
  const url = new URL(path, address).href;
  const result = await autocannon({ url, connections, duration: seconds, ...(overallRate ? { overallRate } : {}), ...asked });
  const others = Object.keys(result.statusCodeStats).filter((code) => code !== `${status}`);
  if (others.length > 0 || result.errors > 0 || result.timeouts > 0)
    throw new Error(
      `${url} answered ${others.join(', ') || 'nothing'} besides ${status}; ${result.errors} errors, ${result.timeouts} timeouts`,
    );
  return { rate: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
}

function medians(measured: readonly Measured[]): Measured {
  return {
    rate: median(measured.map(({ rate }) => rate)),
    p50: median(measured.map(({ p50 }) => p50)),
    p99: median(measured.map(({ p99 }) => p99)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** A line of the table. */
export function line(name: string, ours: string, bare: string, ratio: number, wanted: string): string {
  return `${name.padEnd(44)} ${ours.padStart(14)} ${bare.padStart(14)} ${ratio.toFixed(2).padStart(8)}   ${wanted}`;
}

export const HEAD = `${''.padEnd(44)} ${'Espalier'.padStart(14)} ${'bare'.padStart(14)} ${'ratio'.padStart(8)}   wanted`;
