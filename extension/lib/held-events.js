/**
 * Held events: those that the server refused as invalid, or for a reason that is not known here.
 * Another release of it may accept them, or this extension's next know why not, so they are kept beside the queue, which goes on, and sent again after an update
 * or restart, at the next sign-in, or when the member asks for it.
 *
 * @import { Own } from '../client/index.js'
 * @import { ClockEvent, MemberRecord } from './types.js'
 */

const MOST = 100;

/** They are about the session, the path or the moment. */
const NOT_OF_THE_EVENT = [401, 404, 405, 408, 425, 429];

/**
 * Whether a problem is a refusal of the event, and of nothing else.
 *
 * @param {{status?: number}} problem
 */
export const isHeld = ({ status = 0 }) =>
  status >= 400 && status < 500 && !NOT_OF_THE_EVENT.includes(status);

/**
 * Hold more events. Beyond a hundred the oldest are dropped, and the member is told.
 *
 * @param {MemberRecord} record
 * @param {ClockEvent[]} events
 * @returns {MemberRecord}
 */
export function hold(record, events) {
  const all = [...record.held, ...events];
  const held = all.slice(-MOST);
  // A clock-out cannot be sent without the clock-in that it follows.
  const kept = { ...record, held: held[0]?.after ? held.slice(1) : held };
  if (all.length <= MOST) return kept;
  const [{ account, occurred_at }] = all;
  return { ...kept, notice: { kind: 'held_full', account, at: Date.parse(occurred_at) } };
}

/**
 * The clock-in that the member means to be on, although the server refused it; or undefined.
 *
 * @param {Pick<MemberRecord, 'presence' | 'queue' | 'held'>} record
 */
export function openClockIn({ presence, queue, held }) {
  const last = held.at(-1);
  return !presence && queue.length === 0 && last?.kind === 'clock_in' ? last : undefined;
}

/**
 * The clock-out that ends a held clock-in where the member's next event does not.
 *
 * @param {ClockEvent} clockIn
 * @param {string} occurred_at
 * @returns {ClockEvent}
 */
export function closing({ key, account }, occurred_at) {
  const kind = 'clock_out';
  return { key: `${key}-left`, kind, account, reason: 'user', occurred_at, after: key };
}

/**
 * Queue the held events again, but not while the member is on the clock, here or elsewhere: an
 * event from before would move or end that presence.
 *
 * @param {MemberRecord} record
 * @param {Own | null} own the member's presence by the server
 * @returns {MemberRecord}
 */
export function released(record, own) {
  const isOnTheClock = own !== null || record.presence !== null || record.queue.length > 0;
  if (isOnTheClock || record.held.length === 0) return record;
  return { ...record, queue: record.held, held: [] };
}

/**
 * Queue the held events again because the member asks for it. Then the first may end the presence that
 * the server still has.
 *
 * @param {MemberRecord} record
 * @param {Own | null} own
 */
export const retried = (record, own) => released(record, isLeft(record, own) ? null : own);

/**
 * Whether the member clocked out of their presence here, and the server refused that.
 *
 * @param {Pick<MemberRecord, 'held'>} record
 * @param {Own | null} own
 */
export const isLeft = ({ held }, own) => own !== null && held[0]?.presence_id === own.id;

/**
 * @param {MemberRecord} record
 * @returns {MemberRecord}
 */
export const discarded = (record) => ({ ...record, held: [] });
