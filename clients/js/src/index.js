export { call, PresenceError, signIn } from './calls.js';
export { PresencePoller } from './poller.js';
