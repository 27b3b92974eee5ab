import Type from 'typebox';

/** The id of a model of the caller's tenant. */
export const ModelId = modelId();

/** The same, said what for. */
export function modelId(description?: string) {
  return Type.String({ pattern: '^mdl_[0-9A-HJKMNP-TV-Z]{26}$', ...(description ? { description } : {}) });
}
