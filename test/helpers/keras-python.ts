import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** The Python that has stock Keras. Tests that need it fail where it is missing: a skipped check would look like a passed one. */
export const KERAS_PYTHON = resolve(process.env.ESPALIER_KERAS_PYTHON ?? '.toolchain/keras/bin/python');

if (!existsSync(KERAS_PYTHON))
  throw new Error(`There is no ${KERAS_PYTHON}: scripts/setup.sh test installs it, or set ESPALIER_KERAS_PYTHON`);
