import { isAccounts, isSession, isSnapshot } from './answers.js';
import { call } from './calls.js';
import { isOwn } from './tokens.js';

/** @import { Scope, Server } from './types.js' */

/**
 * The requests of a poller to the server at `url`.
 *
 * Snapshots are revalidated. On the page's own origin and outside browsers this sends the condition
 * itself and stores nothing. For another origin Chromium would send a preflight before every such
 * request, so there the browser's cache revalidates, as `no-cache` asks, and answers 200.
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
    snapshot({ token, org }, etag, minVersion, wait, signal) {
      /** @type {Record<string, string>} */
      const headers = {};
      if (etag && !elsewhere) headers['If-None-Match'] = etag;
      if (etag && wait) headers.Prefer = `wait=${wait}`;
      if (minVersion) headers['Presence-Min-Version'] = `${minVersion}`;
      const cache = elsewhere ? 'default' : 'no-store';
      return call(url, 'GET', path, { token, org, headers, fetch, cache, signal, is: isSnapshot });
    },

    async accounts({ token, org }, signal) {
      const options = { token, org, fetch, signal, is: isAccounts };
      return (await call(url, 'GET', '/v1/accounts', options)).data.accounts;
    },

    async renew(token, signal) {
      const options = { token, body: {}, fetch, signal, is: isSession };
      return (await call(url, 'POST', '/v1/sessions/renew', options)).data;
    },

    async end(token) {
      if (!token || !isOwn(token)) return !token; // an issuer's token has no session here
      return call(url, 'DELETE', '/v1/sessions/current', { token, fetch, keepalive: true }).then(
        ({ status }) => status === 204,
        ({ status }) => status > 0 && status < 500, // the session is over, or not the service's
      );
    },

    async evict() {
      await call(url, 'GET', path, { fetch, cache: 'reload' }).catch(() => {});
    },
  };
}
