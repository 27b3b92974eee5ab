/** A process that claims and ends every job it can get from the ledger in the place it is given, and prints the ids of those it had. */
import { openLedger } from '../../src/ledger/open.ts';
import { claimOf, endingOf } from './samples.ts';

const [place] = process.argv.slice(2);
if (place === undefined) throw new Error('Usage: contender.ts PLACE, as JSON');
const ledger = await openLedger({ database: JSON.parse(place) });
await ledger.migrate();
const had: string[] = [];
for (;;) {
  const queued = await ledger.listQueued(100);
  if (queued.length === 0) break;
  for (const { id } of queued) {
    if (!(await ledger.claimJob(claimOf(id, 1)))) continue;
    if (!(await ledger.endJob(endingOf(id, 1)))) throw new Error(`${id} was taken away`);
    had.push(id);
  }
}
await ledger.close();
console.log(JSON.stringify(had));
