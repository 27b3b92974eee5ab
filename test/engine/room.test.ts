import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { withRoom, writeWithRoom } from '../../src/engine/room.ts';

const full = (code = 'ENOSPC') => Object.assign(new Error('full'), { code });

it('writes again while the disk is full, and says so', () => {
  const said = vi.spyOn(console, 'error').mockReturnValue();
  const write = vi.fn();
  write.mockImplementationOnce(() => {
    throw full();
  });
  write.mockImplementationOnce(() => {
    throw full('EDQUOT');
  });
  withRoom(write);
  expect(write).toHaveBeenCalledTimes(3);
  expect(said.mock.calls).toEqual([
    ['No space is left to write on; trying again in 50 ms'],
    ['No space is left to write on; trying again in 100 ms'],
  ]);
  said.mockRestore();
});

it('gives up in time, and at once what is no want of room', () => {
  const said = vi.spyOn(console, 'error').mockReturnValue();
  const write = vi.fn(() => {
    throw full();
  });
  expect(() => withRoom(write, 200)).toThrow('full');
  expect(write).toHaveBeenCalledTimes(3);
  const broken = vi.fn(() => {
    throw full('EIO');
  });
  expect(() => withRoom(broken)).toThrow('full');
  expect(broken).toHaveBeenCalledTimes(1);
  said.mockRestore();
});

it('begins a file anew each time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-room-'));
  const said = vi.spyOn(console, 'error').mockReturnValue();
  let times = 0;
  function* parts() {
    yield Uint8Array.of(1, 2);
    if (times++ === 0) throw full();
    yield Uint8Array.of(3);
  }
  writeWithRoom(join(folder, 'file'), parts, { synced: true });
  expect([...readFileSync(join(folder, 'file'))]).toEqual([1, 2, 3]);
  said.mockRestore();
  rmSync(folder, { recursive: true });
});
