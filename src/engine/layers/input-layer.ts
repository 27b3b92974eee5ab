export { identity as inputLayer } from './identity.ts';
