import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';

import { PresencePoller } from '../poller.js';
import { chosenOf } from '../tokens.js';
import { NOTHING_YET, storeOf } from './store.js';

/** @typedef {ConstructorParameters<typeof PresencePoller>[0]} PollerOptions */

/** @type {Partial<PollerOptions>} */
const EMPTY = {};

const nothingYet = () => NOTHING_YET;

/**
 * Who is where, kept current. Many components may share a poller by passing the same one; it polls
 * from the first that is mounted to the last that is unmounted. Options make a poller of the
 * component's own, and another one if `url`, `org`, `wait` or `share` changes; the functions are
 * always those of the last render.
 * @param {PresencePoller | PollerOptions} source
 */
export function usePresence(source) {
  const latest = useRef(source);
  useEffect(() => {
    latest.current = source;
  });

  const given = 'getState' in source ? source : null;
  const { url, org, wait, share } = given ? EMPTY : /** @type {PollerOptions} */ (source);
  const chosen = typeof org === 'function' ? null : org;
  const store = useMemo(
    () => storeOf(given ?? pollerOver(/** @type {PollerOptions} */ (source), latest)),
    [given, url, chosen, wait, share],
  );
  return useSyncExternalStore(store.subscribe, store.getSnapshot, nothingYet);
}

/**
 * @param {PollerOptions} options
 * @param {{current: PresencePoller | PollerOptions}} latest
 */
function pollerOver(options, latest) {
  const now = () => /** @type {PollerOptions} */ (latest.current);
  return new PresencePoller({
    ...options,
    getToken: () => now().getToken(),
    org: () => chosenOf(now().org),
    onToken: (token, session) => now().onToken?.(token, session),
  });
}
