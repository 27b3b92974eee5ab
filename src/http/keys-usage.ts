/** What `espalier keys` takes; a file of its own, so that the help does not load what makes keys. */
export const KEYS_USAGE = 'create <tenant> <role> [--name TEXT] [--expires TIME] | list [tenant] | revoke <key id>';
