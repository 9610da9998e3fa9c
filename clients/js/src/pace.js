import { bounded } from './bounds.js';

/** @import { Pace } from './types.js' */

const DEFAULT_INTERVAL_SECONDS = 2; // until the server has said X-Poll-Interval
const SHORTEST_INTERVAL_SECONDS = 1;
const LONGEST_INTERVAL_SECONDS = 300;
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
      const said = headers.get('X-Poll-Interval');
      interval = bounded(said, SHORTEST_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS, interval);
      // What was held already is asked for again at once, but no sooner than any poll may be.
      const isHeld = headers.has('Preference-Applied');
      const rest = isHeld ? Math.max(0, SHORTEST_INTERVAL_SECONDS - took) : interval;
      return rest + interval * JITTER * random();
    },

    afterFailure(retryAfter) {
      // Full jitter: a crowd that failed together comes back spread out.
      const rest = Math.min(retryAfter ?? 0, LONGEST_INTERVAL_SECONDS);
      return rest + random() * Math.min(2 ** failures++, LONGEST_BACKOFF_SECONDS);
    },
  };
}
