/** A clock that tests turn, and a server in memory. */

import { PresencePoller } from '../src/index.js';
import { Locks } from './browser.js';

/** @import { TestContext } from 'node:test' */
/** @import { Own, PollerOptions, Snapshot } from '../src/types.js' */

/**
 * @typedef {Record<string, string>} Fields of a request or an answer
 *
 * @typedef {object} Request as the server was asked
 * @property {string} path
 * @property {string} [method]
 * @property {Fields} headers
 * @property {RequestCache} [cache]
 * @property {RequestCredentials} [credentials]
 * @property {BodyInit | null} [body]
 * @property {number} at
 *
 * @typedef {(path: string, headers: Fields) => Response | Promise<Response> | undefined} Trouble
 */

export const START = Date.parse('2026-11-22T15:05:00.000Z');

/** Let everything happen that is due now, messages between tabs too. */
export async function settle() {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class Clock {
  time = START;
  chance = 0;
  /** @type {Map<number, {then: () => void, at: number}>} */
  timers = new Map();
  last = 0;

  now = () => this.time;
  random = () => this.chance;
  /** @type {(then: () => void, ms: number) => number} */
  setTimeout = (then, ms) => {
    this.timers.set(++this.last, { then, at: this.time + ms });
    return this.last;
  };
  /** @type {(timer: number) => boolean} */
  clearTimeout = (timer) => this.timers.delete(timer);

  /** @param {number} seconds */
  async pass(seconds) {
    await settle();
    const end = this.time + Math.round(seconds * 1000);
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= end);
      if (due.length === 0) break;
      const [id, { then, at }] = due.sort(([, one], [, other]) => one.at - other.at)[0];
      this.timers.delete(id);
      this.time = Math.max(this.time, at);
      then();
      await settle();
    }
    this.time = end;
  }
}

/**
 * @param {string} member
 * @param {{iat?: number, ttl?: number, serial?: number, gen?: number, sid?: string, acct?: string}}
 *   [claims]
 */
export function tokenOf(
  member,
  { iat = START / 1000, ttl = 43_200, serial = 1, gen = 0, sid, acct } = {},
) {
  const iss = 'presence';
  const claims = { iss, org: 'org', mid: member, acct, sid, gen, iat, exp: iat + ttl, serial };
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

/**
 * A token as Supabase issues it.
 *
 * @param {string} user
 * @param {{iat?: number, ttl?: number}} [claims]
 */
export function issuersTokenOf(user, { iat = START / 1000, ttl = 3600 } = {}) {
  const iss = 'https://abc.supabase.co/auth/v1';
  const claims = {
    iss,
    sub: user,
    aud: 'authenticated',
    role: 'authenticated',
    iat,
    exp: iat + ttl,
  };
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

/** @param {Request} [request] */
export const bearerOf = (request) => request?.headers.Authorization?.replace('Bearer ', '');

/** Answers as the service does; `trouble` answers first, if it is a function. */
export class Server {
  version = 1;
  accountsVersion = 1;
  /** @type {number | string} what `X-Poll-Interval` says */
  interval = 2;
  /** @type {Own | null} */
  own = null;
  ahead = 0; // seconds
  /** @type {Request[]} */
  requests = [];
  open = 0;
  mostOpen = 0;
  /** @type {Trouble | null} */
  trouble = null;
  /** @type {(() => void)[]} */
  holding = [];

  /** @param {Clock} clock */
  constructor(clock) {
    this.clock = clock;
  }

  get polls() {
    return this.requests.filter(({ path }) => path === '/v1/presence');
  }

  /** @param {string} path */
  asked(path) {
    return this.requests.filter((request) => request.path === path);
  }

  change() {
    this.version++;
    for (const release of this.holding.splice(0)) release();
  }

  /** @type {typeof globalThis.fetch} */
  fetch = async (input, init = {}) => {
    const { method, cache, credentials, signal, body } = init;
    const url = String(input);
    const path = url.slice(url.indexOf('/v1/'));
    const headers = /** @type {Fields} */ (init.headers);
    this.requests.push({ path, method, headers, cache, credentials, body, at: this.clock.time });
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    try {
      const answering = Promise.resolve(
        this.trouble?.(path, headers) ?? this.answer(path, headers),
      );
      return await Promise.race([answering, aborted(signal)]);
    } finally {
      this.open--;
    }
  };

  /**
   * @param {string} path
   * @param {Fields} headers
   */
  async answer(path, headers) {
    if (!headers.Authorization) return refusal(401, { reason: 'missing' });
    if (path === '/v1/sessions/current') return new Response(null, { status: 204 });
    if (path === '/v1/accounts') return this.json({ accounts: [{ id: 'a', name: 'Acme Dental' }] });
    if (path === '/v1/sessions/renew') {
      const iat = this.clock.time / 1000;
      const member = { id: 'ana', display_name: 'Ana Reyes' };
      const org = { id: 'org', name: 'Demo' };
      return this.json({ token: tokenOf('ana', { iat, serial: iat }), member, org });
    }
    const wait = headers.Prefer && headers['If-None-Match'] === this.etag;
    if (wait) await new Promise((resolve) => this.holding.push(() => resolve(null)));
    /** @type {Fields} */
    const held = wait ? { 'Preference-Applied': headers.Prefer } : {};
    if (headers['If-None-Match'] === this.etag) return this.json(null, held, 304);
    return this.json(this.snapshot, held);
  }

  get etag() {
    return `W/"${this.version}"`;
  }

  /** @returns {Snapshot} */
  get snapshot() {
    const { version, accountsVersion } = this;
    const presence = [{ account_id: 'a' }];
    return {
      version,
      view: 'va',
      accounts_version: accountsVersion,
      stale_after: 120,
      presence,
      me: this.own,
    };
  }

  /**
   * @param {unknown} data
   * @param {Fields} [more]
   * @param {number} [status]
   */
  json(data, more = {}, status = 200) {
    const headers = {
      ETag: this.etag,
      Date: new Date(this.clock.time + this.ahead * 1000).toUTCString(),
      'X-Poll-Interval': String(this.interval),
      ...more,
    };
    return new Response(data === null ? null : JSON.stringify(data), { status, headers });
  }
}

/**
 * @param {number} status
 * @param {{code?: unknown, reason?: unknown, title?: string, orgs?: unknown}} problem
 * @param {Fields} [headers]
 */
export function refusal(status, problem, headers = {}) {
  return new Response(JSON.stringify({ code: 'refused', detail: 'No.', ...problem }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  });
}

/**
 * @param {AbortSignal | null} [signal]
 * @returns {Promise<never>}
 */
function aborted(signal) {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
}

/** Knows how many changes it told. */
class CountingPoller extends PresencePoller {
  changes = 0;
}

let stages = 0;

/**
 * A clock, a server, and pollers that end with the test.
 *
 * @param {TestContext} t
 */
export function stage(t) {
  const clock = new Clock();
  const server = new Server(clock);
  const locks = new Locks();
  const url = `https://board.example/${++stages}`; // channels of other tests are not this one's
  /** @param {Partial<PollerOptions>} [options] */
  const poller = (options = {}) => {
    const made = new CountingPoller({
      url,
      getToken: () => tokenOf('ana'),
      fetch: server.fetch,
      clock,
      scope: {},
      ...options,
    });
    t.after(() => made.stop());
    made.subscribe(() => made.changes++);
    return made;
  };
  return { clock, server, locks, poller };
}
