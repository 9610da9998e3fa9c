/**
 * The queue: what a member did and the server has not answered yet, oldest first. Each function
 * takes the member's record (state.js) and gives the one that follows; nothing here waits or sends.
 *
 * @import { Account, ClockedIn, ClockedOut } from '../client/index.js'
 * @import { ClockEvent, Click, Elsewhere, MemberRecord, Notice, Presence, Problem } from './types.js'
 */

import { closing, hold, isHeld, openClockIn } from './held-events.js';

/** Refusals of the event itself: it is dropped. Any other that is of the event has it held. */
const REFUSALS = [
  'account_occupied',
  'account_not_found',
  'account_not_allowed',
  'account_required',
  'presence_ended',
  'idempotency_key_reused',
];

/** @param {{code: string}} problem */
const isFinal = ({ code }) => REFUSALS.includes(code);

/** @param {Problem} problem */
export const isRefusal = (problem) => isFinal(problem) || isHeld(problem);

/**
 * The account that the member means to be on, or null: where they are once everything is accepted.
 *
 * @param {Pick<MemberRecord, 'presence' | 'queue' | 'held'>} record
 */
export function intended(record) {
  const last = record.queue.at(-1) ?? openClockIn(record);
  if (!last) return record.presence?.account ?? null;
  return last.kind === 'clock_in' ? last.account : null;
}

/**
 * @param {MemberRecord} record
 * @param {Click & {account: Account}} event
 * @returns {MemberRecord}
 */
export function clockIn(record, { key, account, at }) {
  if (has(record, key) || intended(record)?.id === account.id) return record;
  /** @type {ClockEvent} */
  const event = { key, kind: 'clock_in', account, occurred_at: timeOf(record, at) };
  const open = openClockIn(record);
  const before = { ...record, notice: null };
  const closed = open ? hold(before, [closing(open, event.occurred_at)]) : before;
  return { ...queued(closed, event), lastInput: at, asked: false };
}

/**
 * @param {MemberRecord} record
 * @param {Click & {reason: ClockEvent['reason'], elsewhere?: Elsewhere}} event `elsewhere`: end that
 *   presence, which another browser of the member's began
 * @returns {MemberRecord}
 */
export function clockOut(record, { key, at, reason, elsewhere }) {
  const account = elsewhere?.account ?? intended(record);
  if (!account || has(record, key)) return record;
  const open = openClockIn(record);
  const last = record.queue.at(-1) ?? open;
  const whose = elsewhere ?? (last ? null : record.presence);
  const target = whose ? { presence_id: whose.id } : { after: last?.key };
  const occurred_at = timeOf(record, at);
  /** @type {ClockEvent} */
  const event = { key, kind: 'clock_out', account, reason, occurred_at, ...target };
  const kept = open && !whose ? hold(record, [event]) : queued(record, event);
  return { ...kept, asked: false };
}

/**
 * @param {MemberRecord} record
 * @param {ClockEvent} event
 * @returns {MemberRecord}
 */
const queued = (record, event) => ({ ...record, queue: [...record.queue, event] });

/**
 * What to send for the first event of a queue.
 *
 * @param {ClockEvent} event
 */
export function requestOf({ kind, account, presence_id, reason, occurred_at }) {
  return kind === 'clock_in'
    ? { path: '/v1/clock-in', body: { account_id: account.id, occurred_at } }
    : { path: '/v1/clock-out', body: { presence_id, reason, occurred_at } };
}

/**
 * @param {MemberRecord} record
 * @param {ClockEvent} event
 * @param {ClockedIn | ClockedOut} data what the server answered to `event`
 * @param {number} now
 * @returns {MemberRecord}
 */
export function answered(record, event, data, now) {
  const rest = without(record, event);
  if (event.kind === 'clock_out')
    return { ...reached(record), ...left(record, event), queue: rest };
  const { id, clocked_in_at } = /** @type {ClockedIn} */ (data).presence;
  const presence = { id, account: event.account, since: clocked_in_at };
  const queue = rest.map((other) => (other.after === event.key ? onto(other, presence) : other));
  return { ...reached(record), presence, lastBeat: now, queue };
}

/**
 * @param {MemberRecord} record
 * @param {ClockEvent} event
 * @param {Problem} problem how the server refused `event`
 * @param {number} now
 * @returns {MemberRecord}
 */
export function refused(record, event, problem, now) {
  if (!isFinal(problem)) return heldBack(record, event);
  const rest = without(record, event);
  if (event.kind === 'clock_out') {
    const notice = record.notice ?? noticeOf(problem, event.account, now);
    return { ...reached(record), ...left(record, event), queue: rest, notice };
  }
  // A clock-in that has ended had left the account before; one that was refused had not.
  const presence = problem.code === 'presence_ended' ? null : record.presence;
  const queue = rest.flatMap((other) => {
    if (other.after !== event.key) return [other];
    return presence ? [onto(other, presence)] : [];
  });
  const notice = { ...noticeOf(problem, event.account, now), dropped: queue.length < rest.length };
  return { ...reached(record), presence, queue, notice };
}

/**
 * The server refused `event`, and it is held. What follows from it is held too; the rest is sent.
 *
 * @param {MemberRecord} record
 * @param {ClockEvent} event
 * @returns {MemberRecord}
 */
function heldBack(record, event) {
  const before = { ...reached(record), queue: without(record, event) };
  if (event.kind === 'clock_out') return hold({ ...before, ...left(record, event) }, [event]);
  const { presence } = record;
  // The member is still where the server has them, so their clock-out ends that.
  if (presence) {
    const queue = before.queue.map((one) => (one.after === event.key ? onto(one, presence) : one));
    return hold({ ...before, queue }, [event, closing(event, event.occurred_at)]);
  }
  const [next, ...later] = before.queue;
  if (!next) return hold(before, [event]);
  if (next.after !== event.key) return hold(before, [event, closing(event, next.occurred_at)]);
  return hold({ ...before, queue: later }, [event, next]);
}

/**
 * The presence is over, and not by anything that was done here.
 *
 * @param {MemberRecord} record
 * @param {string} presenceId
 * @param {Problem} problem
 * @param {number} now
 * @returns {MemberRecord}
 */
export function ended(record, presenceId, problem, now) {
  if (record.presence?.id !== presenceId) return record;
  const { account } = record.presence;
  return {
    ...reached(record),
    presence: null,
    asked: false,
    notice: noticeOf(problem, account, now),
  };
}

/**
 * The server answers again.
 *
 * @param {MemberRecord} record
 */
export const reached = (record) => (record.retry ? { ...record, retry: null } : record);

/**
 * A message that was sent twice counts once.
 *
 * @param {MemberRecord} record
 * @param {string} key
 */
const has = ({ queue, held }, key) => [...queue, ...held].some((event) => event.key === key);

/**
 * @param {MemberRecord} record
 * @param {ClockEvent} event
 */
const without = ({ queue }, { key }) => queue.filter((other) => other.key !== key);

/**
 * @param {ClockEvent} event
 * @param {Presence} presence
 */
const onto = ({ after: _, ...event }, { id }) => ({ ...event, presence_id: id });

/**
 * @param {MemberRecord} record
 * @param {ClockEvent} event
 */
const left = ({ presence }, { presence_id }) =>
  presence?.id === presence_id ? { presence: null } : {};

/**
 * @param {Problem} problem
 * @param {Account} account
 * @param {number} at
 * @returns {Notice}
 */
function noticeOf({ code, reason }, account, at) {
  const kind = code === 'presence_ended' ? `ended_${reason}` : `refused_${code}`;
  return { kind, account, at };
}

/**
 * When it happened, by the server's clock.
 *
 * @param {MemberRecord} record
 * @param {number} at
 */
const timeOf = ({ skew }, at) => new Date(at + skew).toISOString();
