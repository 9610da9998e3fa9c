/** @typedef {import('./badge.js').Badge} Badge */

export { badgeLabel, badgeOf } from './badge.js';
export { formatClockIn, formatLastSeen } from './format.js';
