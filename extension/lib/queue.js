/**
 * What a member did and the server has not answered yet, oldest first. Each function takes the
 * member's record (state.js) and gives the one that follows; nothing here waits or sends.
 *
 * @typedef {{id: string, name: string}} Account
 * @typedef {object} Event
 * @property {string} key its Idempotency-Key
 * @property {'clock_in' | 'clock_out'} kind
 * @property {string} occurred_at by the server's clock
 * @property {Account} account
 * @property {string} [presence_id] what a clock-out ends, or
 * @property {string} [after] the key of the clock-in whose answer will say it
 * @property {'user' | 'inactivity'} [reason]
 */

/** What the service says of an event itself; whatever else goes wrong, the event is kept. */
const REFUSALS = [
  'account_occupied',
  'account_not_found',
  'account_not_allowed',
  'account_required',
  'presence_ended',
  'validation_failed',
  'idempotency_key_reused',
];

export const isRefusal = ({ code }) => REFUSALS.includes(code);

/** The account that the member means to be on, all answers supposed; or null. */
export function intended({ presence, queue }) {
  const last = queue.at(-1);
  if (!last) return presence?.account ?? null;
  return last.kind === 'clock_in' ? last.account : null;
}

/** @param {{key: string, account: Account, at: number}} event */
export function clockIn(record, { key, account, at }) {
  if (has(record, key) || intended(record)?.id === account.id) return record;
  const event = { key, kind: 'clock_in', account, occurred_at: timeOf(record, at) };
  return { ...record, queue: [...record.queue, event], lastInput: at, asked: false, notice: null };
}

/**
 * @param {{key: string, at: number, reason: string, elsewhere?: {id: string, account: Account}}} event
 *   `elsewhere`: end that presence, which another browser of the member's began
 */
export function clockOut(record, { key, at, reason, elsewhere }) {
  const account = elsewhere?.account ?? intended(record);
  if (!account || has(record, key)) return record;
  const last = record.queue.at(-1);
  const whose = elsewhere ?? (last ? null : record.presence);
  const target = whose ? { presence_id: whose.id } : { after: last.key };
  const occurred_at = timeOf(record, at);
  const event = { key, kind: 'clock_out', account, reason, occurred_at, ...target };
  return { ...record, queue: [...record.queue, event], asked: false };
}

/** What to send for the first event of a queue. */
export function requestOf({ kind, account, presence_id, reason, occurred_at }) {
  return kind === 'clock_in'
    ? { path: '/v1/clock-in', body: { account_id: account.id, occurred_at } }
    : { path: '/v1/clock-out', body: { presence_id, reason, occurred_at } };
}

/** @param {object} data what the server answered to `event` */
export function answered(record, event, data, now) {
  const rest = without(record, event);
  if (event.kind === 'clock_out')
    return { ...reached(record), ...left(record, event), queue: rest };
  const { id, clocked_in_at } = data.presence;
  const presence = { id, account: event.account, since: clocked_in_at };
  const queue = rest.map((other) => (other.after === event.key ? onto(other, presence) : other));
  return { ...reached(record), presence, lastBeat: now, queue };
}

/** @param {object} problem how the server refused `event` */
export function refused(record, event, problem, now) {
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

/** The presence is over, and not by anything that was done here. */
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

/** The server answers again. */
export const reached = (record) => (record.retry ? { ...record, retry: null } : record);

/** A message that was sent twice counts once. */
const has = ({ queue }, key) => queue.some((event) => event.key === key);

const without = ({ queue }, { key }) => queue.filter((other) => other.key !== key);

const onto = ({ after: _, ...event }, { id }) => ({ ...event, presence_id: id });

const left = ({ presence }, { presence_id }) =>
  presence?.id === presence_id ? { presence: null } : {};

function noticeOf({ code, reason }, account, at) {
  const kind = code === 'presence_ended' ? `ended_${reason}` : `refused_${code}`;
  return { kind, account, at };
}

/** When it happened, by the server's clock. */
const timeOf = ({ skew }, at) => new Date(at + skew).toISOString();
