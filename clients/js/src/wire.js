/** What the service says, for code that calls it without a poller. */

export { isAccounts, isClockedIn, isClockedOut, isSession, isSnapshot } from './answers.js';
export { aheadOf, bounded, intervalOf, LARGEST_VERSION, versionOf } from './bounds.js';
export { claimsOf } from './tokens.js';
