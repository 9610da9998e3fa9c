/**
 * @typedef {import('./types.js').Account} Account
 * @typedef {import('./types.js').ClockedIn} ClockedIn
 * @typedef {import('./types.js').ClockedOut} ClockedOut
 * @typedef {import('./types.js').Entry} Entry
 * @typedef {import('./types.js').Org} Org
 * @typedef {import('./types.js').Own} Own
 * @typedef {import('./types.js').Session} Session
 * @typedef {import('./types.js').Snapshot} Snapshot
 * @typedef {import('./types.js').State} State
 * @typedef {import('./types.js').Status} Status
 * @typedef {import('./types.js').Reason} Reason
 */

export { call, PresenceError, signIn } from './calls.js';
export { PresencePoller } from './poller.js';
