/** What the popup shows, made of the state and the snapshot. */

import { badgeOf } from '../client/badges.js';
import { intended } from './queue.js';
import { recordOf, waiting } from './state.js';

/**
 * @param {object} state
 * @param {object | null} session
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

/** Why somebody has to sign in, as a message; null where nobody asks. */
export function farewellOf(state) {
  const record = recordOf(state);
  if (!record) return null;
  const reason = state.signedOut ?? 'closed';
  const known = FAREWELLS.includes(reason) ? reason : 'invalid';
  const account = intended(record);
  return [`farewell_${known}`, account ? 'farewell_on' : null, account?.name];
}

/** Whose events wait on this computer for their member. */
export const waitingFor = (state) =>
  waiting(state).map(({ member, queue }) => ({ name: member.name, count: queue.length }));

/**
 * The member's own place.
 *
 * @returns {{kind: 'on' | 'off' | 'elsewhere', account: object | null, since: string | null,
 *   isPending: boolean, presence: object | null}} `presence`: the one that is elsewhere
 */
export function placeOf(record, snapshot) {
  const account = intended(record);
  const isPending = record.queue.length > 0;
  const since = isPending ? (record.queue.at(-1).occurred_at ?? null) : record.presence?.since;
  if (account) return { kind: 'on', account, since, isPending, presence: null };
  const me = isPending ? null : meOf(record, snapshot);
  if (!me) return { kind: 'off', account: null, since, isPending, presence: null };
  const there = accountOf(record, me.account_id);
  return { kind: 'elsewhere', account: there, since: me.clocked_in_at, isPending, presence: me };
}

/** Whether the snapshot says that the presence which was begun here is over. */
export function isContradicted(record, snapshot) {
  if (!record.presence || record.queue.length > 0 || !isNewEnough(record, snapshot)) return false;
  return snapshot.me?.id !== record.presence.id;
}

/**
 * The accounts, each with its badge and what can be done.
 *
 * @returns {{id: string, name: string, badge: object | null, action: string | null}[]}
 */
export function rowsOf(record, snapshot) {
  const place = placeOf(record, snapshot);
  return record.accounts.map(({ id, name }) => {
    const badge = badgeOf(snapshot, id, place.account?.id ?? null);
    return { id, name, badge, action: actionOf(record, place, id, badge) };
  });
}

function actionOf({ bound }, { kind, account }, id, badge) {
  if (bound && bound !== id) return null;
  if (account?.id === id) return kind === 'elsewhere' ? 'continue' : null;
  if (badge) return null;
  return kind === 'off' ? 'clock_in' : 'switch';
}

/** A snapshot from before one's own last write would show what is over. */
const isNewEnough = ({ version }, snapshot) => snapshot && snapshot.version >= version;

const meOf = (record, snapshot) => (isNewEnough(record, snapshot) ? snapshot.me : null);

export const accountOf = ({ accounts }, id) =>
  accounts.find((account) => account.id === id) ?? { id, name: '…' };
