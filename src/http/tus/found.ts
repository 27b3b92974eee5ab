import { Problem } from '../../errors.ts';
import { isId } from '../../jobs/ids.ts';
import type { Ledger, UploadRow } from '../../ledger/ledger.ts';

/** The tenant's upload. Throws Problem NOT_FOUND where there is none, or it has expired, or something was made of it. */
export async function foundUpload(ledger: Pick<Ledger, 'findUpload'>, tenant: string, id: string): Promise<UploadRow> {
  const upload = isId('upl', id) ? await ledger.findUpload(tenant, id) : null;
  if (!upload) throw new Problem('NOT_FOUND', `There is no upload ${id}`);
  return upload;
}
