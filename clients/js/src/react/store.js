/** What components read of a poller: one object, the same until something in it changes. */

import { presenceByAccount } from '../badge.js';

/**
 * @import { Account, Entry, Org, Own, Reason, Snapshot, State, Status } from '../types.js'
 * @import { PresencePoller } from '../poller.js'
 */

/**
 * @typedef {object} View
 * @property {ReadonlyMap<string, Entry>} presence the occupied accounts by id
 * @property {readonly Account[]} accounts
 * @property {Own | null} me where one is clocked in oneself
 * @property {number | null} version
 * @property {Status} status
 * @property {Reason | null} reason why one is signed out
 * @property {readonly Org[] | null} orgs to choose from, where the reason is `org_required`
 * @property {boolean} loading nothing was answered yet
 * @property {Snapshot | null} snapshot for `badgeOf`
 */

/** @type {readonly Account[]} */
const NO_ACCOUNTS = Object.freeze([]);

/** @type {View} before the first answer, and while rendering on a server */
export const NOTHING_YET = Object.freeze({
  presence: new Map(),
  accounts: NO_ACCOUNTS,
  me: null,
  version: null,
  status: 'connecting',
  reason: null,
  orgs: null,
  loading: true,
  snapshot: null,
});

/**
 * What is, as the object that it was where both say the same: a memoized row is then rendered
 * again only if it changed.
 * @template {Record<string, unknown> | null | undefined} T
 * @param {T} before
 * @param {T} now
 * @returns {T}
 */
export function kept(before, now) {
  if (!before || !now) return now;
  const keys = Object.keys(now);
  const alike =
    keys.length === Object.keys(before).length && keys.every((key) => before[key] === now[key]);
  return alike ? before : now;
}

/**
 * @param {View['presence']} before
 * @param {Snapshot | null} snapshot
 * @returns {View['presence']}
 */
function keptPresence(before, snapshot) {
  if (!snapshot) return NOTHING_YET.presence;
  const now = presenceByAccount(snapshot);
  for (const [id, presence] of now) now.set(id, kept(before.get(id) ?? presence, presence));
  const alike = now.size === before.size && [...now].every(([id, one]) => before.get(id) === one);
  return alike ? before : now;
}

/**
 * @param {View} previous
 * @param {State} state
 * @returns {View}
 */
function viewOf(previous, { status, reason, snapshot, accounts, orgs }) {
  return {
    presence: keptPresence(previous.presence, snapshot),
    accounts: accounts ?? NO_ACCOUNTS,
    me: kept(previous.me, snapshot?.me ?? null),
    version: snapshot?.version ?? null,
    status,
    reason,
    orgs,
    loading: status !== 'signed-out' && !(snapshot && accounts),
    snapshot,
  };
}

/**
 * The poller as `useSyncExternalStore` wants it. It polls while anyone is subscribed.
 * @param {PresencePoller} poller
 */
function storeOver(poller) {
  let users = 0;
  let state = /** @type {State | null} */ (null);
  let view = NOTHING_YET;
  return {
    /** @param {() => void} listener */
    subscribe(listener) {
      const unsubscribe = poller.subscribe(listener);
      if (users++ === 0) poller.start();
      return () => {
        unsubscribe();
        if (--users === 0) poller.stop();
      };
    },
    getSnapshot() {
      if (poller.getState() !== state) {
        state = poller.getState();
        view = viewOf(view, state);
      }
      return view;
    },
  };
}

/** @type {WeakMap<PresencePoller, ReturnType<typeof storeOver>>} */
const stores = new WeakMap();

/**
 * The same store for the same poller, so that its users can be counted.
 * @param {PresencePoller} poller
 */
export function storeOf(poller) {
  const store = stores.get(poller) ?? storeOver(poller);
  stores.set(poller, store);
  return store;
}
