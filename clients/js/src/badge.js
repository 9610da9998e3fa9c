/** What a badge says about an account: the rules, without any page. */

import { formatClockIn } from './format.js';

/** @import { Entry, Snapshot } from './types.js' */

/**
 * @typedef {object} Badge
 * @property {'own' | 'occupied' | 'member'} kind
 * @property {boolean} stale
 * @property {string | null} name
 * @property {string | null} clockedInAt
 * @property {string | null} lastSeenAt
 */

/** @type {WeakMap<Snapshot, Map<string, Entry>>} */
const indexes = new WeakMap();

/**
 * The occupied accounts by id: the same map for the same snapshot.
 * @param {Snapshot} snapshot
 */
export function presenceByAccount(snapshot) {
  const index =
    indexes.get(snapshot) ?? new Map(snapshot.presence.map((one) => [one.account_id, one]));
  indexes.set(snapshot, index);
  return index;
}

/**
 * What to show beside an account, or null: it is free, and free accounts show nothing.
 * @param {Snapshot | null} snapshot
 * @param {string} accountId
 * @param {string | null} [ownId] the account that the viewer is on, where that is known better than
 *   by the snapshot, as after a write that it does not have yet
 * @returns {Badge | null}
 */
export function badgeOf(snapshot, accountId, ownId = snapshot?.me?.account_id) {
  const isOwn = accountId === ownId;
  const entry = snapshot ? presenceByAccount(snapshot).get(accountId) : undefined;
  if (!entry && !isOwn) return null;
  return {
    kind: isOwn ? 'own' : snapshot?.view === 'admin' ? 'member' : 'occupied',
    stale: entry?.state === 'stale',
    name: entry?.display_name ?? null,
    clockedInAt: entry?.clocked_in_at ?? ((isOwn && snapshot?.me?.clocked_in_at) || null),
    lastSeenAt: entry?.last_seen_at ?? null,
  };
}

/**
 * "You", "Occupied", or "Ana Reyes • 3:05 PM".
 * @param {Badge} badge
 * @param {{locale?: string, timeZone?: string, now?: number}} [options] as of `formatClockIn`
 */
export function badgeLabel(badge, options) {
  if (badge.kind === 'own') return 'You';
  if (badge.kind === 'occupied') return 'Occupied';
  return `${badge.name} • ${formatClockIn(badge.clockedInAt ?? '', options)}`;
}
