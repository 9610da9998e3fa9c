/** Whether somebody is there: 55 minutes without input ask, 60 end the presence. */

const MINUTE = 60_000;
export const ASK_MS = 55 * MINUTE;
export const LIMIT_MS = 60 * MINUTE;

/** Without input for so long, Chrome calls the machine idle. No alarm on the clock comes later. */
export const DETECTION_SECONDS = 60;

/** How late a clock-out for inactivity may come and still be one that we were awake for. */
const AWAKE_MS = 2 * MINUTE;

/**
 * When input was last seen: not later than now, even if the clock was set back. A locked screen is
 * no input, whatever moves on it.
 *
 * @param {'active' | 'idle' | 'locked'} state as `chrome.idle` has it
 */
export function inputSeen(lastInput, state, now) {
  if (state === 'active') return now;
  if (state === 'idle') return Math.min(lastInput, now - DETECTION_SECONDS * 1000);
  return Math.min(lastInput, now);
}

/**
 * What time without input asks for.
 *
 * @returns {{verdict: 'working' | 'ask'} | {verdict: 'end', at: number}} `at`: when work ended
 */
export function judge(lastInput, now) {
  const late = now - (lastInput + LIMIT_MS);
  // The computer slept through the limit, so nobody could be asked: what was last seen counts.
  if (late >= 0) return { verdict: 'end', at: late > AWAKE_MS ? lastInput : now };
  return { verdict: now - lastInput >= ASK_MS ? 'ask' : 'working' };
}
