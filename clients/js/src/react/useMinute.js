import { useSyncExternalStore } from 'react';

const MINUTE = 60_000;

/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;
let minute = 0;

function tick() {
  minute += 1;
  for (const listener of listeners) listener();
}

/** @param {() => void} listener */
function subscribe(listener) {
  if (listeners.size === 0) timer = setInterval(tick, MINUTE);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

/**
 * Renders again every minute, on one timer for all.
 * @returns {boolean} false on a server and while its page comes alive: the server knows neither
 *   the viewer's time nor their zone
 */
export function useMinute() {
  return (
    useSyncExternalStore(
      subscribe,
      () => minute,
      () => null,
    ) !== null
  );
}
