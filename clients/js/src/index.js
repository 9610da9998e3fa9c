export { PresenceError, call, signIn } from './api.js';
export { PresencePoller } from './poller.js';
