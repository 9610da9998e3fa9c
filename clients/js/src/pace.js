import { intervalOf, LONGEST_INTERVAL_SECONDS } from './bounds.js';

/** @import { Pace } from './types.js' */

const DEFAULT_INTERVAL_SECONDS = 2; // until the server has said X-Poll-Interval
const SHORTEST_REST_SECONDS = 1; // after an answer that was held
const LONGEST_BACKOFF_SECONDS = 10;
const JITTER = 0.1; // of the interval

/**
 * How long to rest between two polls, in seconds.
 *
 * @param {() => number} random
 * @returns {Pace}
 */
export function paceBy(random) {
  let interval = DEFAULT_INTERVAL_SECONDS;
  let failures = 0;

  return {
    afterAnswer(headers, took) {
      failures = 0;
      interval = intervalOf(headers, interval);
      // What was held already is asked for again at once, but no sooner than any poll may be.
      const isHeld = headers.has('Preference-Applied');
      const rest = isHeld ? Math.max(0, SHORTEST_REST_SECONDS - took) : interval;
      return rest + interval * JITTER * random();
    },

    afterFailure(retryAfter) {
      // Full jitter: a crowd that failed together comes back spread out.
      const rest = Math.min(retryAfter ?? 0, LONGEST_INTERVAL_SECONDS);
      return rest + random() * Math.min(2 ** failures++, LONGEST_BACKOFF_SECONDS);
    },
  };
}
