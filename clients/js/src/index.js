export { call, PresenceError, signIn } from './api.js';
export { PresencePoller } from './poller.js';
