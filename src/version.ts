import metadata from '../package.json' with { type: 'json' };

/** Of this code, as `package.json` says; recorded with every attempt. */
export const VERSION: string = metadata.version;
