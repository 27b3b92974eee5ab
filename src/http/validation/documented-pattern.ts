/**
 * A keyword of schemas: a pattern that the document shows as `pattern` and that the validator leaves alone, where a text of another form has an error code of
 * its own.
 */
export const DOCUMENTED_PATTERN = 'x-documented-pattern';
