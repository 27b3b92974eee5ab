import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig, VARIABLES } from '../../src/config.ts';
import { environmentOf, lineage, readDockerfile, readRootFile } from './dockerfile.ts';

interface Service {
  image: string;
  build?: { target: string };
  command?: string[];
  user?: string;
  restart: string;
  read_only: boolean;
  privileged?: boolean;
  cap_add?: string[];
  cap_drop: string[];
  security_opt: string[];
  networks?: string[];
  network_mode?: string;
  ports?: string[];
  environment?: Record<string, string>;
  volumes: string[];
  mem_limit: string;
  pids_limit: number;
  stop_grace_period?: string;
  profiles?: string[];
  healthcheck: { disable?: boolean; test?: string[] };
  logging: { options: Record<string, string> };
  depends_on?: Record<string, { condition: string }>;
  deploy?: { resources: { reservations: { devices: { driver: string; capabilities: string[] }[] } } };
}

const text = readRootFile('docker-compose.yml');
const compose = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const service = (name: string) => compose.services[name] as Service;
const dockerfile = readDockerfile();

/** What `docker compose` makes of a value when nothing is set. */
const withDefaults = (value: string) => value.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
const once = services.filter(([, { restart }]) => restart === 'no').map(([name]) => name);

describe.each(services)('service %s', (name, definition) => {
  it('may do as little as it can with', () => {
    expect(definition).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(definition.privileged ?? definition.cap_add).toBeUndefined();
    expect(definition.mem_limit && definition.pids_limit).toBeTruthy();
    expect(definition.logging.options).toHaveProperty('max-size');
  });

  it('runs an image of a fixed tag, not as root', () => {
    expect(definition.image).toMatch(/^[a-z]+:(?!latest)[\w.-]+$/);
    if (definition.build) expect(definition.image).toBe(`espalier:${definition.build.target}`);
    else expect(definition.user).toMatch(/^[1-9]/);
  });

  it('says how it is and is started again, or ends by itself', () => {
    if (once.includes(name)) expect(definition).toMatchObject({ healthcheck: { disable: true }, network_mode: 'none' });
    else {
      expect(definition.restart).toBe('unless-stopped');
      expect(definition.healthcheck.test).toBeDefined();
      // `espalier work` takes at most 10 s; the default of 10 s would kill it in the middle.
      expect(Number.parseInt(definition.stop_grace_period ?? '', 10)).toBeGreaterThanOrEqual(30);
    }
  });

  it('waits for what can be waited for', () => {
    for (const [other, { condition }] of Object.entries(definition.depends_on ?? {})) {
      expect(condition).toBe(once.includes(other) ? 'service_completed_successfully' : 'service_healthy');
      // A service without a profile would not start when the one it waits for has one.
      expect(definition.profiles ?? []).toEqual(expect.arrayContaining(service(other).profiles ?? []));
    }
  });

  it('mounts volumes that are declared, and no folder of the host', () => {
    for (const volume of definition.volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
  });
});

describe.each(
  services.filter(([, { image, command }]) => image.startsWith('espalier:') && command?.length === 1 && !/\s/.test(command[0] ?? '')),
)('Espalier as %s', (_, definition) => {
  it('is given variables that it reads, with values that it accepts', () => {
    const given = Object.fromEntries(Object.entries(definition.environment ?? {}).map(([key, value]) => [key, withDefaults(value)]));
    for (const key of Object.keys(given)) expect(VARIABLES.map(({ name }) => name)).toContain(key);
    const image = environmentOf(lineage(dockerfile, definition.build?.target ?? ''));
    const config = readConfig({ ...image, ...given });
    expect(config).toMatchObject({ redisUrl: 'redis://redis:6379', embeddedRedis: false, dataFolder: '/data', logLevel: 'info' });
    expect(definition.volumes).toEqual([`data:${config.dataFolder}`]);
  });
});

describe('the compose file', () => {
  it('publishes the server alone, on loopback unless told otherwise', () => {
    for (const [name, { ports }] of services)
      expect(ports?.map(withDefaults)).toEqual(name === 'server' ? ['127.0.0.1:8080:8080'] : undefined);
  });

  it('keeps all but the server away from the world', () => {
    expect(compose.networks.inside).toEqual({ internal: true });
    for (const [name, { networks, network_mode }] of services)
      expect(networks ?? network_mode).toEqual(name === 'server' ? ['inside', 'outside'] : once.includes(name) ? 'none' : ['inside']);
  });

  it('runs Redis with an append-only file and without eviction', () => {
    const command = service('redis').command?.join(' ');
    expect(command).toContain('--appendonly yes');
    expect(command).toContain('--maxmemory-policy noeviction');
  });

  it('reserves an NVIDIA device for the GPU worker, which is no part of a plain start', () => {
    const { profiles, deploy, environment } = service('worker-gpu');
    expect(profiles).toEqual(['gpu']);
    expect(deploy?.resources.reservations.devices).toEqual([{ driver: 'nvidia', count: 1, capabilities: ['gpu'] }]);
    expect(environment).toMatchObject({ ESPALIER_DEVICE: 'gpu' });
    expect(service('postgres').profiles).toEqual(['postgres']);
  });

  it('has every setting and its default in docker/env.example', () => {
    const used = new Map([...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)].map(([, key, value]) => [key, value]));
    const shown = readRootFile('docker/env.example').match(/^\w+=.*$/gm) ?? [];
    expect(new Map(shown.map((line) => line.split('=') as [string, string]))).toEqual(used);
  });
});
