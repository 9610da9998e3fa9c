/**
 * What the popup shows, made of the state and the snapshot.
 *
 * @import { Account, Own, Snapshot } from '../client/index.js'
 * @import { Badge } from '../client/badges.js'
 * @import { KeptSession, MemberRecord, State } from './types.js'
 *
 * @typedef {object} Place the member's own
 * @property {'on' | 'off' | 'elsewhere'} kind
 * @property {Account | null} account
 * @property {string | null | undefined} since
 * @property {boolean} isPending whether the server has yet to be told
 * @property {boolean} isHeld whether the server refused to be told
 * @property {Own | null} presence the one that is elsewhere
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} name
 * @property {Badge | null} badge
 * @property {'clock_in' | 'switch' | 'continue' | null} action
 */

import { badgeOf } from '../client/badges.js';
import { isLeft, openClockIn, retried } from './held-events.js';
import { intended } from './queue.js';
import { recordOf, waiting } from './state.js';

/**
 * @param {State} state
 * @param {KeptSession | null} session
 * @param {boolean} isAllowed whether Chrome lets us call the server
 * @returns {'address' | 'sign-in' | 'main'}
 */
export function screenOf(state, session, isAllowed) {
  if (!state.server || !isAllowed) return 'address';
  return session && session.who === state.who ? 'main' : 'sign-in';
}

const FAREWELLS = [
  'closed',
  'missing',
  'expired',
  'revoked',
  'signed_out',
  'deactivated',
  'unknown_member',
];

/**
 * Why the member has to sign in, and where they are, as messages; null where nobody was signed in.
 *
 * @param {State} state
 */
export function farewellOf(state) {
  const record = recordOf(state);
  if (!record) return null;
  const reason = state.signedOut ?? 'closed';
  const known = FAREWELLS.includes(reason) ? reason : 'invalid';
  const account = intended(record);
  return { reason: `farewell_${known}`, stillOn: account?.name ?? null };
}

/**
 * Whose events wait on this computer for their member.
 *
 * @param {State} state
 */
export const waitingFor = (state) =>
  waiting(state).map(({ member, queue, held }) => ({
    name: member.name,
    count: queue.length + held.length,
  }));

/**
 * The member's own place.
 *
 * @param {MemberRecord} record
 * @param {Snapshot | null} snapshot
 * @returns {Place}
 */
export function placeOf(record, snapshot) {
  const account = intended(record);
  const isPending = record.queue.length > 0;
  const open = openClockIn(record);
  const since = (record.queue.at(-1) ?? open)?.occurred_at ?? record.presence?.since;
  const isHeld = open !== undefined;
  if (account) return { kind: 'on', account, since, isPending, isHeld, presence: null };
  const me = isPending ? null : meOf(record, snapshot);
  if (!me) return { kind: 'off', account: null, since, isPending, isHeld, presence: null };
  const there = accountOf(record, me.account_id);
  return {
    kind: 'elsewhere',
    account: there,
    since: me.clocked_in_at,
    isPending,
    isHeld: isLeft(record, me),
    presence: me,
  };
}

/**
 * Whether the snapshot says that the presence which began here is over.
 *
 * @param {MemberRecord} record
 * @param {Snapshot} snapshot
 */
export function isContradicted(record, snapshot) {
  if (!record.presence || record.queue.length > 0 || !isNewEnough(record, snapshot)) return false;
  return snapshot.me?.id !== record.presence.id;
}

/**
 * The accounts, each with its badge and what can be done.
 *
 * @param {MemberRecord} record
 * @param {Snapshot | null} snapshot
 * @returns {Row[]}
 */
export function rowsOf(record, snapshot) {
  const place = placeOf(record, snapshot);
  return record.accounts.map(({ id, name }) => {
    const badge = badgeOf(snapshot, id, place.account?.id ?? null);
    return { id, name, badge, action: actionOf(record, place, id, badge) };
  });
}

/**
 * @param {MemberRecord} record
 * @param {Place} place
 * @param {string} id
 * @param {Badge | null} badge
 */
function actionOf({ bound }, { kind, account }, id, badge) {
  if (bound && bound !== id) return null;
  if (account?.id === id) return kind === 'elsewhere' ? 'continue' : null;
  if (badge) return null;
  return kind === 'off' ? 'clock_in' : 'switch';
}

/**
 * Whether the held events can be sent again now.
 *
 * @param {MemberRecord} record
 * @param {Place} place
 */
export const mayRetryHeld = (record, { presence }) => retried(record, presence) !== record;

/**
 * A snapshot from before the member's own last write would show what is over.
 *
 * @param {MemberRecord} record
 * @param {Snapshot} snapshot
 */
const isNewEnough = ({ version }, snapshot) => snapshot.version >= version;

/**
 * @param {MemberRecord} record
 * @param {Snapshot | null} snapshot
 */
const meOf = (record, snapshot) => (snapshot && isNewEnough(record, snapshot) ? snapshot.me : null);

/**
 * @param {Pick<MemberRecord, 'accounts'>} record
 * @param {string} id
 * @returns {Account}
 */
export const accountOf = ({ accounts }, id) =>
  accounts.find((account) => account.id === id) ?? { id, name: '…' };
