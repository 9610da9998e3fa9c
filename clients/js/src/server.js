import { isAccounts, isSession, isSnapshot } from './answers.js';
import { call } from './calls.js';

/** @import { Scope, Server } from './types.js' */

/**
 * What a poller asks the server at `url`.
 *
 * A snapshot is asked for only if it is another than the last. On the page's own origin and
 * outside browsers the condition is ours, and nothing is stored. For another origin Chromium would
 * send a preflight before every such request; there it is left to the browser's cache, which
 * revalidates, since the server says `no-cache`, and answers 200.
 *
 * @param {string} url
 * @param {typeof globalThis.fetch | undefined} fetch
 * @param {Scope} scope
 * @returns {Server}
 */
export function serverAt(url, fetch, { location }) {
  const path = '/v1/presence';
  const elsewhere = location && new URL(url, location.href).origin !== location.origin;

  return {
    snapshot(token, etag, minVersion, wait, signal) {
      /** @type {Record<string, string>} */
      const headers = {};
      if (etag && !elsewhere) headers['If-None-Match'] = etag;
      if (etag && wait) headers.Prefer = `wait=${wait}`;
      if (minVersion) headers['Presence-Min-Version'] = `${minVersion}`;
      const cache = elsewhere ? 'default' : 'no-store';
      return call(url, 'GET', path, { token, headers, fetch, cache, signal, is: isSnapshot });
    },

    async accounts(token, signal) {
      const options = { token, fetch, signal, is: isAccounts };
      return (await call(url, 'GET', '/v1/accounts', options)).data.accounts;
    },

    async renew(token, signal) {
      const options = { token, body: {}, fetch, signal, is: isSession };
      return (await call(url, 'POST', '/v1/sessions/renew', options)).data;
    },

    end: (token) =>
      call(url, 'DELETE', '/v1/sessions/current', { token, fetch, keepalive: true }).then(
        ({ status }) => status === 204,
        ({ status }) => status > 0 && status < 500, // it is over, or none of the service's
      ),

    async evict() {
      await call(url, 'GET', path, { fetch, cache: 'reload' }).catch(() => {});
    },
  };
}
