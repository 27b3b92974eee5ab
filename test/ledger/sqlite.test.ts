import { ledgerContract } from './contract.ts';
import { sqliteFactory } from './sqlite-factory.ts';
import { stateMachineProperties } from './state-machine.ts';

ledgerContract('SQLite', sqliteFactory);
stateMachineProperties('SQLite', sqliteFactory);
