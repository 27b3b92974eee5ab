// The arrows between the rooms of docs/architecture.md. `npm run arrows` fails where one points the wrong way.
const room = (...names) => `^src/(${names.join('|')})/`;
const only = (from, allowed) => ({
  name: `${from}-reaches-only-${allowed.join('-') || 'itself'}`,
  severity: 'error',
  from: { path: room(from) },
  to: {
    path: '^src/',
    pathNot: [room(from, ...allowed), '^src/(config|errors|lock|random|roles|schema|version)\\.ts$'],
  },
});

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    only('http', ['metrics', 'tracing', 'report', 'jobs', 'ledger', 'blobs', 'upload', 'salvage', 'dataset', 'model']),
    only('jobs', ['tracing', 'ledger', 'blobs', 'dataset', 'model', 'clipping', 'pruning', 'report']),
    only('ledger', ['jobs/spec', 'dataset', 'model']),
    only('blobs', []),
    only('upload', ['dataset', 'model', 'pruning']),
    only('worker', ['metrics', 'tracing', 'jobs', 'ledger', 'blobs', 'salvage', 'dataset', 'model', 'engine']),
    only('salvage', ['jobs', 'ledger', 'blobs', 'model', 'engine']),
    only('up', []),
    only('doctor', ['worker', 'jobs', 'ledger', 'blobs']),
    only('tracing', []),
    only('metrics', ['jobs', 'ledger', 'blobs']),
    only('maintenance', ['jobs', 'ledger', 'blobs']),
    only('engine', ['clipping', 'pruning', 'packing', 'model', 'dataset', 'report', 'jobs/spec', 'worker']),
    only('pruning', ['model', 'jobs/spec']),
    only('packing', ['pruning', 'model', 'jobs/spec']),
    only('clipping', ['jobs/spec']),
    only('report', ['model', 'jobs/spec']),
    only('model', []),
    only('dataset', []),
    {
      name: 'only-frames-between-worker-and-engine',
      severity: 'error',
      from: { path: room('engine') },
      to: { path: room('worker'), pathNot: '^src/worker/frames\\.ts$' },
    },
    {
      name: 'only-checkpoints-between-salvage-and-engine',
      severity: 'error',
      from: { path: room('salvage') },
      to: { path: room('engine'), pathNot: '^src/engine/checkpoint\\.ts$' },
    },
    {
      name: 'only-the-engine-loads-tensorflow',
      severity: 'error',
      from: { path: '^src/', pathNot: room('engine') },
      to: { path: '@tensorflow/' },
    },
    {
      name: 'only-tracing-that-is-on-loads-opentelemetry',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/tracing/otlp\\.ts$' },
      to: { path: '@opentelemetry/' },
    },
    {
      name: 'tracing-is-loaded-where-it-is-on',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/tracing/otlp\\.ts$', dependencyTypesNot: ['dynamic-import'] },
    },
    { name: 'nobody-imports-main', severity: 'error', from: { path: '^src/' }, to: { path: '^src/main\\.ts$' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js'] },
  },
};
