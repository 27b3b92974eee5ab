/** Where a ledger lies. */
export type LedgerPlace = SqlitePlace | PostgresPlace;

export interface SqlitePlace {
  kind: 'sqlite';
  /** Absolute. */
  path: string;
}

export interface PostgresPlace {
  kind: 'postgres';
  /** `postgres://` or `postgresql://`, with TLS as its `sslmode` says. Holds a password. */
  url: string;
  /** Connections of one process at the most. */
  poolSize: number;
  /** A statement that takes longer is ended by the server. */
  statementTimeoutMs: number;
}
