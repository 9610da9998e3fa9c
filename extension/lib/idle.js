/** Inactivity: after 55 minutes without input the member is asked, after 60 clocked out. */

const MINUTE = 60_000;
export const ASK_MS = 55 * MINUTE;
export const LIMIT_MS = 60 * MINUTE;

/** Chrome calls the machine idle after so long without input. Alarms on the clock are no rarer. */
export const DETECTION_SECONDS = 60;

/** A clock-out for inactivity that comes later than this was held up by a sleep. */
const AWAKE_MS = 2 * MINUTE;

/**
 * When input was last seen: not later than now, even if the clock was set back. What happens on a
 * locked screen does not count as input.
 *
 * @param {number} lastInput
 * @param {'active' | 'idle' | 'locked'} state as `chrome.idle` has it
 * @param {number} now
 */
export function inputSeen(lastInput, state, now) {
  if (state === 'active') return now;
  if (state === 'idle') return Math.min(lastInput, now - DETECTION_SECONDS * 1000);
  return Math.min(lastInput, now);
}

/**
 * What to do about the time without input.
 *
 * @param {number} lastInput
 * @param {number} now
 * @returns {{verdict: 'working' | 'ask', at: null} | {verdict: 'end', at: number}} `at`: when
 *   work ended
 */
export function judge(lastInput, now) {
  const late = now - (lastInput + LIMIT_MS);
  // The computer slept through the limit, so nobody could be asked: what was last seen counts.
  if (late >= 0) return { verdict: 'end', at: late > AWAKE_MS ? lastInput : now };
  return { verdict: now - lastInput >= ASK_MS ? 'ask' : 'working', at: null };
}
