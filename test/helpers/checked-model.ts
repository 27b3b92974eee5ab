import type { CheckedModel } from '../../src/jobs/check.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { modelFacts } from '../../src/pruning/inspect.ts';

/** A document as the check at the POST is told of it; there are no jobs that left a plan, unless `more` has one. */
export function checkedModel(document: ModelDocument, more: Partial<CheckedModel> = {}): CheckedModel {
  return {
    facts: modelFacts(document),
    sha256: '0'.repeat(64),
    readConfig: async () => document.config,
    readPlan: async (job) => {
      throw new Error(`There is no plan of ${job}`);
    },
    ...more,
  };
}
