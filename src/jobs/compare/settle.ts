/** Ends comparisons whose children have all ended. It remembers nothing: whoever looks next ends what this one has left. */
import type { Logger } from 'pino';
import { problemDocument } from '../../errors.ts';
import type { JobRow, Ledger } from '../../ledger/ledger.ts';
import { comparisonOf, type EndedChild, hasModels } from './result.ts';

export async function settleComparisons(ledger: Ledger, log: Logger): Promise<void> {
  for (const row of await ledger.tendComparisons()) await settle(row, ledger, log);
}

async function settle(row: JobRow, ledger: Ledger, log: Logger): Promise<void> {
  const { spec } = row;
  if (spec.type !== 'compare') throw new Error(`${row.id} is a job of the type ${spec.type}, not a comparison`);
  const children: EndedChild[] = [];
  for (const child of await ledger.listChildren(row.id)) children.push({ row: child, artifacts: await ledger.listArtifacts(child.id) });
  const result = comparisonOf(row, spec, children);
  const empty = !hasModels(children);
  const cancelled = row.status === 'cancelling';
  const status = cancelled ? 'cancelled' : empty ? 'failed' : 'succeeded';
  const error = status === 'failed' ? problemDocument('NO_CANDIDATE_LEFT', whyEmpty(children)) : null;
  if (await ledger.endComparison({ id: row.id, from: row.status, status, result, error })) {
    log.info({ job_id: row.id, status, children: children.length }, 'Comparison ended');
  }
}

function whyEmpty(children: readonly EndedChild[]): string {
  const reasons = Map.groupBy(children, ({ row }) => row.error?.code ?? row.status);
  const counted = [...reasons].map(([reason, alike]) => `${alike.length} ${reason}`).join(', ');
  return `None of the ${children.length} jobs of the comparison came to a model (${counted})`;
}
