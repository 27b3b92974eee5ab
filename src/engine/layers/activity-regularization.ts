export { identity as activityRegularization } from './identity.ts';
