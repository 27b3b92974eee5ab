import { ledgerContract } from '../../ledger/contract.ts';
import { postgresFactory } from '../../ledger/postgres-factory.ts';
import { stateMachineProperties } from '../../ledger/state-machine.ts';

ledgerContract('Postgres', postgresFactory);
stateMachineProperties('Postgres', postgresFactory);
