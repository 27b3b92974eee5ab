import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig, VARIABLES } from '../../src/config.ts';
import { VERSION } from '../../src/version.ts';
import { environmentOf, lineage, ROOT, reachesBuilder, readDockerfile, readRootFile } from './dockerfile.ts';

const dockerfile = readDockerfile();
const FINAL = ['cuda', 'cpu'];
/** Variables of the image that are not Espalier's. */
const OTHERS = ['NODE_ENV', 'NVIDIA_VISIBLE_DEVICES', 'NVIDIA_DRIVER_CAPABILITIES'];

const setup = readRootFile('scripts/setup.sh');
const constant = (name: string) => new RegExp(`\\b${name}=([\\w.]+)`).exec(setup)?.[1] ?? `no ${name} in setup.sh`;

describe('the Dockerfile', () => {
  it('builds for a CPU unless told otherwise', () => {
    expect(dockerfile.stages.slice(-2).map(({ name }) => name)).toEqual(FINAL);
  });

  it('stands on fixed tags, with the Node of the set-up', () => {
    expect([...dockerfile.args.values()]).toEqual([`node:${constant('NODE_MAJOR')}-bookworm-slim`, 'debian:12-slim']);
    const names = dockerfile.stages.map(({ name }) => name);
    for (const { from } of dockerfile.stages) expect([...names, ...dockerfile.args.values(), 'scratch']).toContain(from);
  });

  it('leaves the version of TensorFlow to the set-up', () => {
    for (const part of ['library', 'binding']) {
      expect(dockerfile.text).toContain(`scripts/setup.sh ${part}`);
      expect(setup).toMatch(new RegExp(`^ +${part}\\) `, 'm'));
    }
    expect(dockerfile.text).not.toContain(constant('TENSORFLOW_VERSION'));
    for (const device of ['cpu', 'cuda']) {
      for (const stage of [`library-${device}`, `binding-${device}`])
        expect(environmentOf(lineage(dockerfile, stage)).ESPALIER_TENSORFLOW).toBe(device);
      expect(setup).toMatch(new RegExp(`^ +${device}\\) TENSORFLOW_PACKAGE=`, 'm'));
    }
  });

  it('copies only what exists and reaches the builder', () => {
    const sources = dockerfile.stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ name, rest }) => name === 'COPY' && !rest.includes('--from='))
      .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
    expect(sources).toContain('src');
    for (const source of sources) {
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(reachesBuilder(source), source).toBe(true);
    }
  });

  it('copies from stages that come before', () => {
    dockerfile.stages.forEach(({ instructions }, index) => {
      const before = dockerfile.stages.slice(0, index).map(({ name }) => name);
      for (const { rest } of instructions) for (const [, stage] of rest.matchAll(/\bfrom=([\w-]+)/g)) expect(before).toContain(stage);
    });
  });

  it('installs the production packages of the lock file, and runs none of their scripts', () => {
    const installs = [...dockerfile.text.matchAll(/^.*npm (?:ci|install).*$/gm)].map(([line]) => line);
    expect(installs).toHaveLength(1);
    expect(installs[0]).toContain('npm ci --ignore-scripts --omit=dev');
  });

  it('labels the image with the version of package.json', () => {
    expect(dockerfile.text).toMatch(new RegExp(`^ARG VERSION=${VERSION.replaceAll('.', '\\.')}$`, 'm'));
  });

  describe.each(FINAL)('target %s', (target) => {
    const instructions = lineage(dockerfile, target);
    const last = (name: string) => instructions.findLast((instruction) => instruction.name === name)?.rest;

    it('runs as a user with a fixed id that is not root', () => {
      expect(last('USER')).toBe('10001:10001');
      expect(instructions.findIndex(({ name }) => name === 'USER')).toBeGreaterThan(
        instructions.findLastIndex(({ name }) => name === 'COPY'),
      );
    });

    it('does not stand on the stage with the compiler', () => {
      expect(instructions.filter(({ name }) => name === 'RUN').join()).not.toMatch(/g\+\+|python|npm/);
      expect(dockerfile.stages.find(({ name }) => name === target)?.from).toBe('runtime');
      expect(dockerfile.stages.find(({ name }) => name === 'runtime')?.from).toBe('debian:12-slim');
    });

    it('sets only variables that are read, to values that are accepted', () => {
      const environment = environmentOf(instructions);
      const known = [...VARIABLES.map(({ name }) => name), ...OTHERS];
      for (const name of Object.keys(environment)) expect(known).toContain(name);
      const config = readConfig(environment);
      expect(config).toMatchObject({ host: '0.0.0.0', dataFolder: '/data', embeddedRedis: true });
      expect(last('VOLUME')).toBe(config.dataFolder);
      expect(last('EXPOSE')).toBe(`${config.port}`);
      // Nothing may listen beyond the container without keys.
      expect(config.apiKeysFile).toBe('/data/api-keys');
    });

    it('passes signals on, reaps, and says how it is', () => {
      expect(JSON.parse(last('ENTRYPOINT') ?? '')).toEqual(['/usr/bin/tini', '--', '/app/docker/entrypoint.sh']);
      expect(JSON.parse(last('CMD') ?? '')).toEqual(['up']);
      expect(last('HEALTHCHECK')).toContain('healthcheck.mjs');
    });
  });
});

describe('.dockerignore', () => {
  it('keeps everything out that is not named', () => {
    const secrets = ['.env', 'api-keys', 'data', 'data/api-keys', 'out'];
    for (const path of [...secrets, '.git', '.git/config', '.toolchain', 'node_modules', 'node_modules/ajv', 'test', 'examples', 'docs'])
      expect(reachesBuilder(path), path).toBe(false);
  });

  it('lets in nothing of the top folder that the Dockerfile does not copy', () => {
    const let_in = readdirSync(ROOT).filter(reachesBuilder);
    expect(let_in.sort()).toEqual(['LICENSE', 'bin', 'package-lock.json', 'package.json', 'src']);
  });
});
