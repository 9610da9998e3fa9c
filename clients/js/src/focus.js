/** @import { Scope } from './types.js' */

const EVENTS = ['visibilitychange', 'focus', 'online', 'offline'];

/** @param {Scope} scope */
export const isHidden = ({ document }) => document?.visibilityState === 'hidden';

/**
 * Call `listener` when the page is hidden or seen again, or the network changes.
 *
 * @param {Scope} scope
 * @param {AbortSignal} signal
 * @param {() => void} listener
 */
export function onFocus(scope, signal, listener) {
  for (const event of EVENTS) scope.addEventListener?.(event, listener, { signal });
}
