import type { Logger } from 'pino';
import type { Blobs } from '../blobs/blobs.ts';
import type { RedisConnection } from '../jobs/redis.ts';
import type { Networks } from '../jobs/webhooks/networks.ts';
import type { WebhookSecrets } from '../jobs/webhooks/secrets.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { buildDataset, convertModel, inspectModel, measureSavings, packModel } from '../upload/inspect.ts';
import type { KeyFile } from './key-file.ts';
import type { Rates } from './rates/limiter.ts';

/** Everything the application stands on. */
export interface AppDeps {
  ledger: Ledger;
  blobs: Blobs;
  /** An impatient connection: the application answers without Redis. */
  redis: RedisConnection;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
  /** Whether admins may look at the queues, at /admin/queues. */
  board: boolean;
  /** Null: no keys file. Unless the ledger holds a key, every request is then the local principal's and must come from this machine. */
  keys: KeyFile | null;
  /** Tells the dispatcher that a job was queued. */
  nudge: () => void;
  webhooks: {
    secrets: WebhookSecrets;
    /** Where webhooks may go. */
    networks: Networks;
    /** Tells the sender that there may be something to send. */
    nudge: () => void;
  };
  inspectModel: typeof inspectModel;
  buildDataset: typeof buildDataset;
  convertModel: typeof convertModel;
  measureSavings: typeof measureSavings;
  packModel: typeof packModel;
  limits: {
    /** Of all parts of an upload together. */
    maxUploadBytes: number;
    /** Of an upload in several requests. */
    maxResumableBytes: number;
    /** How long such an upload is kept after its last bytes came. */
    uploadsKeptMs: number;
    uploadsAtOnce: number;
    followersAtOnce: number;
    tenantRunningLimit: number;
    requestsPerMinute: Rates;
  };
}
