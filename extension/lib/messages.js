/**
 * Sentences, made of the messages in _locales/.
 *
 * @import { ClockEvent, Notice, Say } from './types.js'
 */

import { formatClockIn } from '../client/badges.js';

const MINUTE = 60_000;
const KNOWN_ERRORS = ['access_code_rejected', 'unreachable'];
const KNOWN_ENDS = ['force_cleared', 'expired', 'switched', 'clocked_out', 'unknown'];
const KNOWN_REFUSALS = ['account_occupied', 'account_not_found', 'account_not_allowed'];

/**
 * "1 h 05 min".
 *
 * @param {Say} say
 * @param {number} ms
 */
export function durationText(say, ms) {
  const minutes = Math.max(0, Math.floor(ms / MINUTE));
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return say('minutes', String(rest));
  return say('hours', String(hours), String(rest).padStart(2, '0'));
}

/**
 * The kind, or its group: a newer server may have reasons that are not known here.
 *
 * @param {string} kind
 */
function knownKind(kind) {
  for (const [group, known] of Object.entries({ refused: KNOWN_REFUSALS, ended: KNOWN_ENDS })) {
    const isOther = !known.includes(kind.replace(`${group}_`, ''));
    if (kind.startsWith(`${group}_`) && isOther) return group;
  }
  return kind;
}

/**
 * What a notice tells the member.
 *
 * @param {Say} say
 * @param {Notice} notice
 * @param {number} now
 */
export function noticeText(say, { kind, account, at, dropped }, now) {
  const said = say(`notice_${knownKind(kind)}`, account.name, formatClockIn(at, { now }));
  return dropped ? `${said} ${say('notice_dropped')}` : said;
}

/**
 * What went wrong with signing in; in the server's words where the code is not known here.
 *
 * @param {Say} say
 * @param {{code: string, detail: string, retryAfter: number | null}} error
 */
export function errorText(say, { code, detail, retryAfter }) {
  if (code === 'too_many_attempts') return say('error_too_many_attempts', String(retryAfter ?? 60));
  return KNOWN_ERRORS.includes(code) ? say(`error_${code}`) : detail;
}

/**
 * How many events the server refused as invalid, and what becomes of them.
 *
 * @param {Say} say
 * @param {ClockEvent[]} held
 * @param {number} now
 */
export function heldText(say, held, now) {
  const since = formatClockIn(held[0].occurred_at, { now });
  const said =
    held.length === 1 ? say('held_one', since) : say('held_many', String(held.length), since);
  return `${said} ${say('held_help')}`;
}

/**
 * How many events wait, and since when.
 *
 * @param {Say} say
 * @param {ClockEvent[]} queue
 * @param {number} now
 */
export function waitingText(say, queue, now) {
  const since = formatClockIn(queue[0].occurred_at, { now });
  return queue.length === 1
    ? say('waiting_one', since)
    : say('waiting_many', String(queue.length), since);
}
