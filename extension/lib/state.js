import { aheadOf, claimsOf, isAccounts, isSession } from '../client/wire.js';
import { heartbeatOf } from './schedule.js';

/**
 * All that is remembered, but for the token: one value in storage, so that it is never half
 * written. Members who use the same browser have a record each, and so a queue each.
 */

/** Before anything is known. `who` names the record of the member who signed in last. */
export const NOTHING = { server: null, keep: false, who: null, signedOut: null, records: {} };

const FRESH = {
  presence: null, // {id, account, since}: the one that was begun here
  queue: [], // queue.js
  lastBeat: 0,
  lastInput: 0,
  asked: false, // whether "Still working?" stands unanswered
  retry: null, // {failures, since, at} while the server does not answer
  notice: null, // {kind, account, at}: what the member has to know
  skew: 0, // ms that the server's clock is ahead
  version: 0, // of the view after what was written last
  accountsVersion: 0,
};

export const recordOf = ({ who, records }) => records[who] ?? null;

/** @param {(record: object) => object} edit */
export function editing(state, who, edit) {
  const record = state.records[who];
  const edited = record && edit(record);
  return edited === record ? state : { ...state, records: { ...state.records, [who]: edited } };
}

export const whoOf = (server, { member }) => `${server} ${member.id}`;

/** Whether an answer is a session that the server opened or renewed. */
export const isOpened = (data) => isSession(data) && isAccounts(data);

/**
 * After the server opened or renewed a session.
 *
 * @param {object} session the body of its answer
 * @param {number} [skew] ms that its clock is ahead, where that is to be set
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

/** Nobody is signed in. What is not sent yet stays, until its member is back. */
export const closed = (state) => ({
  ...state,
  who: null,
  signedOut: null,
  records: unfinished(state),
});

/** The records of a server with something to send. */
export const waiting = ({ records, server }) =>
  Object.values(records).filter((record) => record.server === server && record.queue.length > 0);

/** A record with nothing to send or to end is forgotten, names and all. */
const unfinished = ({ records }) =>
  Object.fromEntries(
    Object.entries(records).filter(([, { queue, presence }]) => queue.length > 0 || presence),
  );

/** What is kept of a token, which is renewed at half its life. The two clocks may differ. */
export function sessionOf(server, session, now) {
  const { iat, exp } = claimsOf(session.token);
  const endsAt = now + (exp - iat) * 1000;
  return halfway({ who: whoOf(server, session), token: session.token, endsAt }, now);
}

/** To be renewed after half of what is left, be that for the first time or after a failure. */
export const halfway = (session, now) => ({
  ...session,
  since: now,
  renewAt: (now + session.endsAt) / 2,
});

const SKEW_MS = 5_000; // less may be the network's delay

/** How many ms the server's clock is ahead; undefined where an answer does not tell. */
export function skewOf(headers, now) {
  const skew = aheadOf(headers, now) ?? undefined;
  return Math.abs(skew) < SKEW_MS ? 0 : skew;
}
