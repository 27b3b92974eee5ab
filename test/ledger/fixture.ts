import type { DatasetRow, JobRow, Ledger, ModelRow, Time } from '../../src/ledger/ledger.ts';
import type { Retention } from '../../src/ledger/retention.ts';
import { datasetSample, jobSample, modelSample } from './samples.ts';

/** A clock that moves when it is told to. */
export interface TestClock {
  now: Time;
}

/** Opens a fresh, empty database, or another connection to the one named. */
export interface LedgerFactory {
  create(): Promise<string>;
  open(name: string, now: () => Time, more?: { retention?: Retention; tenantQuotaBytes?: number }): Promise<Ledger>;
  destroy(name: string): Promise<void>;
}

export interface World {
  /** Of the database. */
  name: string;
  ledger: Ledger;
  /** A second connection to the same database. */
  other: Ledger;
  clock: TestClock;
  model: ModelRow;
  dataset: DatasetRow;
  /** Inserts a queued job of a tenant that has a model and a data set of its own. */
  queueJob(tenant?: string): Promise<JobRow>;
  close(): Promise<void>;
}

/** A migrated ledger with a model and a data set in it. */
export async function openWorld(factory: LedgerFactory): Promise<World> {
  const clock: TestClock = { now: 1_000_000 };
  const name = await factory.create();
  const ledger = await factory.open(name, () => clock.now);
  await ledger.migrate();
  const other = await factory.open(name, () => clock.now);
  const inputs = new Map<string, { model: ModelRow; dataset: DatasetRow }>();
  const inputsOf = async (tenant: string) => {
    const known = inputs.get(tenant);
    if (known) return known;
    const made = { model: modelSample({ tenant }), dataset: datasetSample({ tenant }) };
    await ledger.insertModel(made.model);
    await ledger.insertDataset(made.dataset);
    inputs.set(tenant, made);
    return made;
  };
  const { model, dataset } = await inputsOf('alice');
  return {
    name,
    ledger,
    other,
    clock,
    model,
    dataset,
    async queueJob(tenant = 'alice') {
      const own = await inputsOf(tenant);
      const row = jobSample(own.model, own.dataset, { tenant });
      const { outcome } = await ledger.insertJob(row);
      if (outcome !== 'inserted') throw new Error(`The job was not inserted: ${outcome}`);
      return row;
    },
    async close() {
      await ledger.close();
      await other.close();
      await factory.destroy(name);
    },
  };
}
