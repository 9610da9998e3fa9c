/** @import { Clock } from './types.js' */

/**
 * What `act` gives, unless `controller` is aborted first, as it is after `ms`.
 *
 * @template T
 * @param {Clock} clock
 * @param {number} ms
 * @param {AbortController} controller
 * @param {() => Promise<T>} act
 * @returns {Promise<T>}
 */
export async function withTimeLimit(clock, ms, controller, act) {
  const timer = clock.setTimeout(() => controller.abort(), ms);
  const aborted = new Promise((_, reject) => {
    controller.signal.onabort = reject;
  });
  try {
    return await Promise.race([act(), /** @type {Promise<never>} */ (aborted)]);
  } finally {
    clock.clearTimeout(timer);
  }
}
