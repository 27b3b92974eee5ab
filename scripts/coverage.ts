/** Prints docs/coverage.md from the registries of layer classes: node scripts/coverage.ts > docs/coverage.md */
import { NOT_CAPTURED } from '../src/engine/step/exceptions.ts';
import { LAYER_CLASSES, type LayerClassName } from '../src/model/layers/index.ts';

const names = Object.keys(LAYER_CLASSES) as LayerClassName[];
const exceptions = names.filter((name) => NOT_CAPTURED[name] !== undefined);
const rows = names.map((name) => `| ${name} | ${NOT_CAPTURED[name] === undefined ? 'captured' : 'eager'} |`);
const list = exceptions.map((name) => `- ${name}: ${NOT_CAPTURED[name]}`);

process.stdout.write(`# Coverage

What each Keras 3 layer class is in a training step. *captured*: the step is one recorded TensorFlow graph, and a test holds it to the eager step's losses and weights. *eager*: a model with such a
layer trains operation by operation, several times slower; the job says so in its warnings (\`STEP_NOT_CAPTURED\`) and in \`result.training\`, and \`/metrics\` counts it (\`espalier_jobs_not_captured\`).
Outputs, gradients and statistics of every class are compared with stock Keras (\`test/engine/keras-layers.test.ts\`, \`test/engine/keras-recurrent-attention.test.ts\`,
\`test/engine/keras-operations.test.ts\`), and so are models of several inputs and outputs, with masks and states (\`test/engine/keras-graphs.test.ts\`).
Names with \`ops.\` are operations such as \`x + y\` in a functional model. One model of each of the 16 families of \`keras.applications\` is loaded and compared as well.

Generated from the registries by \`scripts/coverage.ts\`; do not edit.

## Exceptions

${list.length === 0 ? 'None: every class is captured.' : list.join('\n')}

## Classes

| class | training step |
| --- | --- |
${rows.join('\n')}
`);
