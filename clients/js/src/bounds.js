/** Bounds for numbers from headers and bodies, which something in between may double or change. */

export const LONGEST_INTERVAL_SECONDS = 300; // between two polls
const LONGEST_RETRY_SECONDS = 3600;
const LARGEST_SKEW_MS = 48 * 3_600_000; // a computer may be set to the wrong day, not to another year
export const LARGEST_VERSION = Number.MAX_SAFE_INTEGER;
const NUMBER = /^\d{1,16}(\.\d{1,9})?$/;

/**
 * A number from `least` to `most`, or `otherwise` where it is not a number. Of a header that was sent
 * twice, whose values browsers join by a comma, the larger.
 *
 * @template T
 * @param {unknown} value
 * @param {number} least
 * @param {number} most
 * @param {T} otherwise
 */
export function bounded(value, least, most, otherwise) {
  const parts = String(value)
    .split(',')
    .map((part) => part.trim());
  if (!parts.every((part) => NUMBER.test(part))) return otherwise;
  return Math.min(Math.max(least, ...parts.map(Number)), most);
}

/**
 * The seconds between two polls that an answer asks for.
 *
 * @param {Headers} headers
 * @param {number} otherwise
 */
export const intervalOf = (headers, otherwise) =>
  bounded(headers.get('X-Poll-Interval'), 1, LONGEST_INTERVAL_SECONDS, otherwise);

/**
 * The version of the view after a write; 0 where the answer has none.
 *
 * @param {Headers} headers
 */
export const versionOf = (headers) =>
  bounded(headers.get('Presence-Version'), 0, LARGEST_VERSION, 0);

/**
 * The seconds to wait, or null. The header may also have a date.
 *
 * @param {Headers} headers
 */
export function retryAfterOf(headers) {
  const said = headers.get('Retry-After');
  const until =
    (Date.parse(said ?? '') - (Date.parse(headers.get('Date') ?? '') || Date.now())) / 1000;
  const seconds = until > 0 ? until.toFixed(3) : null;
  return bounded(said, 0, LONGEST_RETRY_SECONDS, bounded(seconds, 0, LONGEST_RETRY_SECONDS, null));
}

/**
 * How many ms the server's clock is ahead; null where the answer has no date, or one that can't be
 * right.
 *
 * @param {Headers} headers
 * @param {number} now by our clock
 */
export function aheadOf(headers, now) {
  const ahead = Date.parse(headers.get('Date') ?? '') - now;
  return Math.abs(ahead) < LARGEST_SKEW_MS ? ahead : null;
}
