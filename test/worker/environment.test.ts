import { describe, expect, it } from 'vitest';
import { engineEnvironment } from '../../src/worker/environment.ts';

const INHERITED = {
  PATH: '/bin',
  LD_LIBRARY_PATH: '/cuda/lib',
  DATABASE_URL: 'postgres://user:secret@host/db',
  REDIS_URL: 'redis://:secret@host',
  AWS_SECRET_ACCESS_KEY: 'secret',
  ESPALIER_API_KEYS_FILE: '/keys',
  NODE_OPTIONS: '--inspect',
  TF_NUM_INTRAOP_THREADS: '64',
  CUDA_VISIBLE_DEVICES: '1',
};

describe('engineEnvironment', () => {
  it('lets nothing through that is not named', () => {
    const environment = engineEnvironment(INHERITED, { device: 'cpu', threads: 2 });
    expect(Object.keys(environment).sort()).toEqual([
      'CUDA_VISIBLE_DEVICES',
      'ESPALIER_ENGINE_DEVICE',
      'LD_LIBRARY_PATH',
      'NODE_ENV',
      'ONEDNN_MAX_CPU_ISA',
      'PATH',
      'TF_CPP_MIN_LOG_LEVEL',
      'TF_ENABLE_ONEDNN_OPTS',
      'TF_FORCE_GPU_ALLOW_GROWTH',
      'TF_NUM_INTEROP_THREADS',
      'TF_NUM_INTRAOP_THREADS',
    ]);
    expect(JSON.stringify(environment)).not.toContain('secret');
  });

  it('takes oneDNN without AVX-512 kernels and fixes the number of threads', () => {
    expect(engineEnvironment(INHERITED, { device: 'cpu', threads: 2 })).toMatchObject({
      ONEDNN_MAX_CPU_ISA: 'AVX2',
      TF_ENABLE_ONEDNN_OPTS: '1',
      TF_NUM_INTRAOP_THREADS: '2',
      TF_NUM_INTEROP_THREADS: '2',
    });
  });

  it('hides every GPU from a CPU engine and leaves the choice of GPU to the operator', () => {
    expect(engineEnvironment(INHERITED, { device: 'cpu', threads: 2 }).CUDA_VISIBLE_DEVICES).toBe('');
    expect(engineEnvironment(INHERITED, { device: 'gpu', threads: 2 }).CUDA_VISIBLE_DEVICES).toBe('1');
    expect(engineEnvironment({}, { device: 'gpu', threads: 2 })).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
  });
});
