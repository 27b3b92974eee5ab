// Exits 0 when the native addon loads and reports the wanted TensorFlow version: scripts/check-binding.mjs 2.21.0
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const root = dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'));
const preGyp = require('@mapbox/node-pre-gyp');
const binding = require(preGyp.find(join(root, 'package.json')));
if (binding.TF_Version !== process.argv[2]) {
  console.error(`The binding runs TensorFlow ${binding.TF_Version}; ${process.argv[2]} is wanted.`);
  process.exit(1);
}
