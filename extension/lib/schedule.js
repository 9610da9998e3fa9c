/** When something is due: the next try, the next alarm, a heartbeat. */

import { bounded } from '../client/wire.js';
import { DETECTION_SECONDS } from './idle.js';
import { intended } from './queue.js';

const FIRST_REST_MS = 30_000; // Chrome's alarms are no finer
const LONGEST_REST_MS = 120_000; // after so long without a heartbeat a presence is stale
const SHORTEST_ALARM_SECONDS = 30;
const DEFAULT_HEARTBEAT_SECONDS = 45;
const LONGEST_HEARTBEAT_SECONDS = 3600;
export const ENDING_ALARM_SECONDS = 60; // while a server is to be told of a sign-out
const QUIET_ALARM_SECONDS = 900; // off the clock only the token wants care

/** @import { Clock, MemberRecord, Retry, State } from './types.js' */

/**
 * When to try again, exponentially later each time.
 *
 * @param {Retry | null} retry of the tries before
 * @param {Pick<Clock, 'now' | 'random'>} clock
 * @param {number | null} retryAfter seconds, where the server named them
 * @returns {Retry}
 */
export function backOff(retry, clock, retryAfter) {
  const failures = (retry?.failures ?? 0) + 1;
  const longest = Math.min(FIRST_REST_MS * 2 ** (failures - 1), LONGEST_REST_MS);
  const rest = Math.max(longest * (0.5 + clock.random() / 2), (retryAfter ?? 0) * 1000);
  const since = clock.now();
  return { failures, since, at: since + rest };
}

/**
 * The heartbeat interval of a session, in seconds, within bounds.
 *
 * @param {{heartbeat_interval?: unknown}} session
 */
export const heartbeatOf = ({ heartbeat_interval: interval }) =>
  bounded(interval, 1, LONGEST_HEARTBEAT_SECONDS, DEFAULT_HEARTBEAT_SECONDS);

/**
 * Seconds between two alarms; Infinity for none.
 *
 * @param {State} state
 */
export function alarmEvery({ who, records }) {
  const record = who === null ? undefined : records[who];
  if (!record) return Infinity;
  const busy = intended(record) || record.presence || record.queue.length > 0;
  return busy ? Math.max(SHORTEST_ALARM_SECONDS, partOf(record.heartbeat)) : QUIET_ALARM_SECONDS;
}

/**
 * Alarms come a little early or late, so half an alarm before its time is near enough.
 *
 * @param {MemberRecord} record
 * @param {number} now
 */
export function isBeatDue({ lastBeat, heartbeat }, now) {
  const rest = heartbeat - partOf(heartbeat) / 2;
  return isOver(lastBeat, lastBeat + rest * 1000, now);
}

/**
 * Whether the time from `since` to `at` is over. If the clock was set back meanwhile, nobody can
 * tell, and it counts as over: once too soon does less harm than hours too late.
 *
 * @param {number} since
 * @param {number} at
 * @param {number} now
 */
export const isOver = (since, at, now) => at <= now || now < since;

/**
 * A heartbeat interval in even parts, so that input is looked for often enough where it is long.
 *
 * @param {number} heartbeat seconds
 */
const partOf = (heartbeat) => heartbeat / Math.ceil(heartbeat / DETECTION_SECONDS);
