import { ledgerContract } from './contract.ts';
import { sqliteFactory } from './sqlite-factory.ts';

ledgerContract('SQLite', sqliteFactory);
