import { call } from './api.js';

/** @import { Scope, Session } from './types.js' */

/** @typedef {ReturnType<typeof serverAt>} Server */

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
 */
export function serverAt(url, fetch, { location }) {
  const path = '/v1/presence';
  const elsewhere = location && new URL(url, location.href).origin !== location.origin;

  return {
    /**
     * @param {string} token
     * @param {string | null} etag of the last snapshot
     * @param {number} minVersion
     * @param {number} wait seconds
     * @param {AbortSignal} signal
     * @returns {Promise<{data: any, headers: Headers}>} data is null where nothing changed
     */
    async snapshot(token, etag, minVersion, wait, signal) {
      /** @type {Record<string, string>} */
      const headers = {};
      if (etag && !elsewhere) headers['If-None-Match'] = etag;
      if (etag && wait) headers.Prefer = `wait=${wait}`;
      if (minVersion) headers['Presence-Min-Version'] = `${minVersion}`;
      const cache = elsewhere ? 'default' : 'no-store';
      const answer = await call(url, 'GET', path, { token, headers, fetch, cache, signal });
      if (etag && answer.headers.get('ETag') === etag) answer.data = null;
      return answer;
    },

    /**
     * @param {string} token
     * @param {AbortSignal} signal
     */
    async accounts(token, signal) {
      return (await call(url, 'GET', '/v1/accounts', { token, fetch, signal })).data.accounts;
    },

    /**
     * @param {string} token
     * @param {AbortSignal} signal
     * @returns {Promise<Session>}
     */
    async renew(token, signal) {
      const options = { token, body: {}, fetch, signal };
      return (await call(url, 'POST', '/v1/sessions/renew', options)).data;
    },

    /** Leave no snapshot in the browser's cache: the 401 takes its place. */
    evict: () => call(url, 'GET', path, { fetch, cache: 'reload' }).catch(() => {}),
  };
}
