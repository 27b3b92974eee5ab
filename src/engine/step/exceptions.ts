import type { LayerClassName } from '../../model/layers/index.ts';

/**
 * Layer classes whose training step cannot be captured and runs eagerly, with the reason. `docs/coverage.md` lists them, and a test holds every other class
 * to being captured.
 */
export const NOT_CAPTURED: Partial<Record<LayerClassName, string>> = {};
