import Type from 'typebox';

/** The id of a model of the caller's tenant. */
export const ModelId = Type.String({ pattern: '^mdl_[0-9A-HJKMNP-TV-Z]{26}$' });
