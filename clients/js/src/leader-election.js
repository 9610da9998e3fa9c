/** @import { Scope, Tabs } from './types.js' */

/**
 * One poller for all tabs of a browser: they elect a leader by a Web Lock and exchange messages over
 * a BroadcastChannel. Only a tab that competes can be elected. Where the browser has no locks (they
 * need HTTPS), and without a `scope`, every tab is its own leader.
 *
 * @param {string} name the same for all tabs that share
 * @param {Scope} scope
 * @param {(message: any) => void} heard called with what another tab says
 * @param {() => void} elected called if that takes a while
 * @returns {Tabs}
 */
export function electLeader(name, { document, navigator, BroadcastChannel }, heard, elected) {
  const locks = navigator?.locks;
  const channel = document && locks && BroadcastChannel && new BroadcastChannel(name);
  if (channel) channel.onmessage = ({ data }) => heard(data);
  let leading = false;
  /** @type {AbortController | undefined} aborted to give up the lock, or the place in its queue */
  let turn;

  /** @type {Tabs} */
  const tabs = {
    isLeading: () => leading,

    compete() {
      if (turn) return false;
      const { signal } = (turn = new AbortController());
      const lead = () => {
        if (signal.aborted) return;
        leading = true;
        elected();
        return new Promise((resolve) => signal.addEventListener('abort', resolve));
      };
      // Refused, in a sandboxed frame for one, this tab polls for itself.
      if (channel) locks.request(name, { signal }, lead).catch(lead);
      else leading = true;
      return true;
    },

    rest() {
      turn?.abort();
      turn = undefined;
      leading = false;
    },

    say: (message) => channel?.postMessage(message),

    close() {
      tabs.rest();
      channel?.close();
    },
  };
  return tabs;
}
