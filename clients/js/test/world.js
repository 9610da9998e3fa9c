/** Snapshots to test with: Ana is on Acme Dental, Ben, stale, on Birch Law; Café Olé is free. */

/** @import { Entry, Own, Snapshot } from '../src/types.js' */

export const NOW = Date.parse('2026-11-22T20:10:00.000Z');
export const TIME = { locale: 'en-US', timeZone: 'America/New_York', now: NOW };

export const ACCOUNTS = [
  { id: 'acme', name: 'Acme Dental' },
  { id: 'birch', name: 'Birch Law' },
  { id: 'cafe', name: 'Café Olé' },
];

/** @type {Required<Entry>} */
const ANA = {
  account_id: 'acme',
  presence_id: 'p-ana',
  user_id: 'ana',
  display_name: 'Ana Reyes',
  clocked_in_at: '2026-11-22T20:05:00.000Z',
  state: 'active',
  last_seen_at: null,
};

/** @type {Required<Entry>} */
const BEN = {
  account_id: 'birch',
  presence_id: 'p-ben',
  user_id: 'ben',
  display_name: 'Ben Okafor',
  clocked_in_at: '2026-11-22T19:00:00.000Z',
  state: 'stale',
  last_seen_at: '2026-11-22T20:05:00.000Z',
};

/**
 * @param {Required<Entry>} entry
 * @returns {Own}
 */
const meAs = ({ presence_id: id, account_id, clocked_in_at }) => ({
  id,
  account_id,
  clocked_in_at,
});

const shared = { version: 7, accounts_version: 1, stale_after: 120 };

/**
 * Made anew each time, as by parsing an answer.
 *
 * @param {Partial<Snapshot>} [more]
 * @returns {Snapshot}
 */
export const adminsSnapshot = (more = {}) => ({
  ...shared,
  view: 'admin',
  presence: [{ ...ANA }, { ...BEN }],
  me: null,
  ...more,
});

/**
 * @param {Partial<Snapshot>} [more]
 * @returns {Snapshot}
 */
export const anasSnapshot = (more = {}) => ({
  ...shared,
  view: 'va',
  presence: [{ account_id: 'acme' }, { account_id: 'birch' }],
  me: meAs(ANA),
  ...more,
});

export const bensSnapshotAsAdmin = () => adminsSnapshot({ me: meAs(BEN) });
