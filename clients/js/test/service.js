/** The service as the poller sees it, a hundred times as fast. */

import { ACCOUNTS } from './world.js';

/** @import { Clock, PollerOptions, Snapshot } from '../src/types.js' */

const FASTER = 100;

/** @type {Clock} */
const clock = {
  now: () => Date.now(),
  setTimeout: (then, ms) => setTimeout(then, ms / FASTER),
  clearTimeout: (timer) => clearTimeout(timer),
  random: () => Math.random(),
};

export class Service {
  polls = 0;
  /** @type {{status: number, code: string, reason: string} | null} a problem to answer with */
  refusal = null;
  /** @type {(string | null)[]} */
  tokens = [];

  /** @param {Snapshot} snapshot */
  constructor(snapshot) {
    this.snapshot = snapshot;
  }

  /** @returns {PollerOptions} for a poller of this service */
  get options() {
    return {
      url: 'https://presence.example',
      getToken: () => 'a token',
      fetch: (url, request) => this.#answer(new URL(String(url)), new Headers(request?.headers)),
      clock,
      scope: {},
    };
  }

  /**
   * @param {URL} url
   * @param {Headers} headers
   */
  async #answer({ pathname }, headers) {
    this.tokens.push(headers.get('Authorization'));
    if (pathname === '/v1/accounts') return Response.json({ accounts: ACCOUNTS });
    this.polls += 1;
    if (this.refusal) {
      const headers = { 'Content-Type': 'application/problem+json' };
      return Response.json(this.refusal, { status: this.refusal.status, headers });
    }
    const etag = `W/"${this.snapshot.version}"`;
    const answer = {
      headers: { ETag: etag, 'X-Poll-Interval': '2', Date: new Date().toUTCString() },
    };
    if (headers.get('If-None-Match') === etag)
      return new Response(null, { status: 304, ...answer });
    return Response.json(this.snapshot, answer);
  }
}
