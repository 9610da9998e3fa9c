import { aheadOf, claimsOf, isAccounts, isClockedIn, isSession } from '../client/wire.js';
import { heartbeatOf } from './schedule.js';

/**
 * All that is stored but the token: one value in storage, so that it is never half written.
 * Members who use the same browser have a record each, and so a queue each.
 *
 * @import { Account, Session } from '../client/index.js'
 * @import { KeptSession, MemberRecord, State } from './types.js'
 */

/**
 * Before anything is known.
 *
 * @type {State}
 */
export const NOTHING = { server: null, keep: false, who: null, signedOut: null, records: {} };

/** What a record has before anything happened. */
const FRESH = {
  presence: null,
  queue: [],
  held: [],
  lastBeat: 0,
  lastInput: 0,
  asked: false,
  retry: null,
  notice: null,
  skew: 0,
  version: 0,
  accountsVersion: 0,
};

/**
 * The record of the member who signed in last.
 *
 * @param {State} state
 * @returns {MemberRecord | null}
 */
export const recordOf = ({ who, records }) => (who === null ? null : (records[who] ?? null));

/**
 * The state with another record of `who`, if there is one.
 *
 * @param {State} state
 * @param {string | null} who
 * @param {(record: MemberRecord) => MemberRecord} edit
 * @returns {State}
 */
export function editing(state, who, edit) {
  const record = who === null ? undefined : state.records[who];
  if (who === null || !record) return state;
  const edited = edit(record);
  return edited === record ? state : { ...state, records: { ...state.records, [who]: edited } };
}

/**
 * @param {string} server
 * @param {Pick<Session, 'member'>} session
 */
export const whoOf = (server, { member }) => `${server} ${member.id}`;

/**
 * Whether an answer is a session that the server opened or renewed.
 *
 * @param {any} data
 * @returns {data is Session}
 */
export const isOpened = (data) => isSession(data) && isAccounts(data);

/**
 * Whether an answer says where the member is, or that they are off the clock.
 *
 * @param {any} data
 * @returns {data is Pick<Session, 'presence'>}
 */
export const isMe = (data) => data?.presence === null || isClockedIn(data);

/**
 * After the server opened or renewed a session.
 *
 * @param {State & {server: string}} state
 * @param {Session} session the body of its answer
 * @param {number} [skew] ms that its clock is ahead, where that is to be set
 * @returns {State}
 */
export function opened(state, session, skew) {
  const { server } = state;
  const who = whoOf(server, session);
  const { id, display_name: name, role } = session.member;
  const { org, accounts } = session;
  const heartbeat = heartbeatOf(session);
  const told = { server, member: { id, name, role }, org, accounts, heartbeat };
  const bound = claimsOf(session.token).acct ?? null;
  const known = { ...FRESH, ...state.records[who] };
  const record = { ...known, ...told, bound, skew: skew ?? known.skew };
  return { ...state, who, signedOut: null, records: { ...unfinished(state), [who]: record } };
}

/**
 * Nobody is signed in. What was not sent stays until its member is back.
 *
 * @param {State} state
 * @returns {State}
 */
export const closed = (state) => ({
  ...state,
  who: null,
  signedOut: null,
  records: unfinished(state),
});

/** @param {Pick<MemberRecord, 'queue' | 'held'>} record */
const isUnsent = ({ queue, held }) => queue.length + held.length > 0;

/**
 * The records of a server with something queued or held.
 *
 * @param {State} state
 */
export const waiting = ({ records, server }) =>
  Object.values(records).filter((record) => record.server === server && isUnsent(record));

/**
 * A record with nothing to send or to end is forgotten, names and all.
 *
 * @param {State} state
 */
const unfinished = ({ records }) =>
  Object.fromEntries(
    Object.entries(records).filter(([, record]) => isUnsent(record) || record.presence),
  );

/**
 * What is kept of a session. Its token is renewed at half its life; the two clocks may differ.
 *
 * @param {string} server
 * @param {Session} session
 * @param {number} now
 * @returns {KeptSession}
 */
export function sessionOf(server, session, now) {
  const { iat = Number.NaN, exp = Number.NaN } = claimsOf(session.token);
  const endsAt = now + (exp - iat) * 1000;
  return halfway({ who: whoOf(server, session), token: session.token, endsAt }, now);
}

/**
 * The session, to be renewed after half of what is left of it.
 *
 * @param {Pick<KeptSession, 'who' | 'token' | 'endsAt'>} session
 * @param {number} now
 * @returns {KeptSession}
 */
export const halfway = (session, now) => ({
  ...session,
  since: now,
  renewAt: (now + session.endsAt) / 2,
});

const SKEW_MS = 5_000; // less may be the network's delay

/**
 * How many ms the server's clock is ahead; undefined where an answer does not say.
 *
 * @param {Headers} headers
 * @param {number} now
 */
export function skewOf(headers, now) {
  const skew = aheadOf(headers, now);
  if (skew === null) return undefined;
  return Math.abs(skew) < SKEW_MS ? 0 : skew;
}
