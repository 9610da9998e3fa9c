const DEFAULT_INTERVAL_SECONDS = 2; // until the server has said X-Poll-Interval
const LONGEST_BACKOFF_SECONDS = 10;
const JITTER = 0.1; // of the interval

/**
 * How long to rest between two polls, in seconds.
 *
 * @param {() => number} random
 */
export function paceBy(random) {
  let interval = DEFAULT_INTERVAL_SECONDS;
  let failures = 0;

  return {
    /** @param {Headers} headers */
    afterAnswer(headers) {
      failures = 0;
      interval = Number(headers.get('X-Poll-Interval')) || interval;
      const rest = headers.has('Preference-Applied') ? 0 : interval; // it was held already
      return rest + interval * JITTER * random();
    },

    /**
     * Full jitter: a crowd that failed together comes back spread out.
     *
     * @param {number | null} retryAfter seconds
     */
    afterFailure(retryAfter) {
      return (retryAfter ?? 0) + random() * Math.min(2 ** failures++, LONGEST_BACKOFF_SECONDS);
    },
  };
}
