import type { Execution } from './execution.ts';

export const identity: Execution = ({ inputs: [x] }) => x!;
