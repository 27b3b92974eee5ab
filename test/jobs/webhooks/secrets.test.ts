import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { networksOf } from '../../../src/jobs/webhooks/networks.ts';
import { secretBox } from '../../../src/jobs/webhooks/secret-box.ts';
import { keptSecretsKey } from '../../../src/jobs/webhooks/secrets-key.ts';

const [old, young] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

it('a sealed secret opens with its key and its context alone, and not where a bit was changed', () => {
  const sealed = secretBox([old]).seal('whsec_x', 'alice');
  expect(sealed).not.toContain('whsec');
  expect(secretBox([old]).seal('whsec_x', 'alice')).not.toBe(sealed);
  expect(secretBox([old]).open(sealed, 'alice')).toBe('whsec_x');
  expect(secretBox([young, old]).open(sealed, 'alice')).toBe('whsec_x');
  expect(() => secretBox([young]).open(sealed, 'alice')).toThrow('not among those given');
  expect(() => secretBox([old]).open(sealed, 'bob')).toThrow();
  const changed = `${sealed.slice(0, -1)}${sealed.endsWith('A') ? 'B' : 'A'}`;
  expect(() => secretBox([old]).open(changed.replace(/\.[^.]{4}(?=[^.]*$)/, '.AAAA'), 'alice')).toThrow();
  expect(() => secretBox([old]).open(sealed.split('.').slice(0, 4).join('.'), 'alice')).toThrow('form');
});

it('the key in the data folder is made once, for its owner only', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-key-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'data', 'secrets.key');
  const keys = await Promise.all(Array.from({ length: 8 }, () => keptSecretsKey(path)));
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
  expect(keys[0]).toHaveLength(32);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, 'data'))).toEqual(['secrets.key']);
});

it('the configuration takes keys and networks, and says nothing of a key that is none', () => {
  const key = old.toString('base64');
  expect(readConfig({ ESPALIER_SECRETS_KEY: `${key}, ${young.toString('base64')}` }).secretsKeys).toEqual([old, young]);
  expect(readConfig({})).toMatchObject({ secretsKeys: null, webhookNetworks: [] });
  expect(() => readConfig({ ESPALIER_SECRETS_KEY: 'hunter2' })).toThrow(/^(?!.*hunter2).*32 bytes/);
  expect(readConfig({ ESPALIER_WEBHOOK_NETWORKS: '10.0.0.0/8, fd00::/8,127.0.0.1' }).webhookNetworks).toHaveLength(3);
  for (const none of ['10.0.0.0/33', 'example.com', '10.0.0.0/8/8', '10.0.0/24', '10.0.0.0/']) {
    expect(() => readConfig({ ESPALIER_WEBHOOK_NETWORKS: none })).toThrow(none);
  }
});

it.each([
  // Every registry entry that is not globally reachable, and the public ones beside them.
  ['0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255', false],
  ['192.0.0.1 192.0.2.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255', false],
  [':: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 fc00::1 fd12:3456::1', false],
  ['fe80::1 fec0::1 ff02::1 2001:db8::1 2002:7f00:1:: 2001::1 3fff::1 4000::1 fd00:ec2::254', false],
  ['no address', false],
  ['1.1.1.1 93.184.215.14 172.32.0.1 100.128.0.1 11.0.0.1 2606:4700:4700::1111 2a00:1450::1 ::ffff:1.1.1.1', true],
])('webhooks go to %s: %s', (addresses, permitted) => {
  for (const address of addresses.split(' ')) expect([address, networksOf([]).permits(address)]).toEqual([address, permitted]);
});

it('networks that were added are permitted, and no others', () => {
  const networks = networksOf(['10.1.0.0/16', 'fd00::/8', '127.0.0.1']);
  const permitted = ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::7', '127.0.0.1'];
  expect(permitted.filter((address) => networks.permits(address) && networks.adds(address))).toEqual(permitted);
  expect(['10.2.0.1', '127.0.0.2', 'fc00::1', '::1'].filter((address) => networks.permits(address))).toEqual([]);
  expect(networks.adds('1.1.1.1')).toBe(false);
});
