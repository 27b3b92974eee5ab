export { identity as randomImages } from './identity.ts';
