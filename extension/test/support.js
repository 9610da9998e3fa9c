/**
 * A clock that tests turn, a server in memory, and what Chrome would be to a controller.
 *
 * @import { Own } from '../client/index.js'
 * @import { Clock, Ending, KeptSession, Outside, Say, State } from '../lib/types.js'
 *
 * @typedef {Clock & {time: number}} TestClock
 *
 * @typedef {object} Body of a request; empty where it has none
 * @property {string} [access_code]
 * @property {string} [account_id]
 * @property {string} [presence_id]
 * @property {string} [reason]
 * @property {string} [occurred_at]
 *
 * @typedef {object} Asked a request as the server got it
 * @property {string} path
 * @property {string} method
 * @property {Record<string, string>} headers
 * @property {Body} body
 * @property {number} at
 *
 * @typedef {(path: string, body: Body) => Response | undefined | Promise<Response | undefined>}
 *   Trouble answers instead of the server, where it gives something
 *
 * @typedef {(answer: Response | undefined) => void} Answering lets a trouble that waits go on
 */

import assert from 'node:assert/strict';

import { Controller } from '../lib/controller.js';
import { NOTHING, recordOf } from '../lib/state.js';

export const START = Date.parse('2026-11-22T15:00:00.000Z');
export const MINUTE = 60_000;
export const SERVER = 'https://presence.example';
export const ACME = { id: 'acme', name: 'Acme Dental' };
export const BIRCH = { id: 'birch', name: 'Birch Law' };

/**
 * A message as its key and what is inserted.
 *
 * @type {Say}
 */
export const say = (key, ...inserts) => [key, ...inserts].join(' ');

/** @param {number} ms */
export const iso = (ms) => new Date(ms).toISOString();

/**
 * @param {string} member
 * @param {{iat?: number, ttl?: number, [claim: string]: unknown}} [claims]
 */
export function tokenOf(member, { iat = START / 1000, ttl = 43_200, ...more } = {}) {
  const claims = { mid: member, iat, exp: iat + ttl, ...more };
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

/** Answers as the service does, unless `trouble` does. */
export class Server {
  /** @type {Asked[]} */
  requests = [];
  /** @type {Trouble} */
  trouble = () => undefined;
  ahead = 0; // ms
  /** @type {unknown} a number, unless a test sends something else */
  heartbeat = 45;
  serial = 0;
  presences = 0;
  /** @type {Own | null} where the member is */
  presence = null;

  /** @param {TestClock} clock */
  constructor(clock) {
    this.clock = clock;
  }

  /** @type {typeof globalThis.fetch} */
  fetch = async (url, init) => {
    const { pathname: path } = new URL(String(url));
    const asked = { path, ...sentBy(init), at: this.clock.now() };
    this.requests.push(asked);
    const answer = (await this.trouble(path, asked.body)) ?? this.#answer(asked);
    answer.headers.set('Date', new Date(this.clock.now() + this.ahead).toUTCString());
    return answer;
  };

  /** @param {string} path */
  asked(path) {
    return this.requests.filter((request) => request.path === path);
  }

  /** @param {Asked} asked */
  #answer({ path, body }) {
    if (path === '/v1/sessions/current') return new Response(null, { status: 204 });
    if (path === '/v1/heartbeat') return new Response(null, { status: 204 });
    if (path === '/v1/me') return this.#json({ presence: this.presence });
    if (path === '/v1/clock-out') {
      this.presence = null;
      return this.#json({ cleared: true, account_id: 'acme' });
    }
    if (path.startsWith('/v1/sessions')) return this.#json(this.session(body.access_code ?? 'ana'));
    const presence = this.presenceOn(String(body.account_id));
    this.presence = presence;
    return this.#json({ presence, released_account_id: null });
  }

  /** @param {string} account_id */
  presenceOn(account_id) {
    return { id: `p${++this.presences}`, account_id, clocked_in_at: iso(this.clock.now()) };
  }

  /**
   * In these tests a member's access code is their id.
   *
   * @param {string} member
   */
  session(member) {
    return {
      token: tokenOf(member, { iat: this.clock.now() / 1000, serial: ++this.serial }),
      member: { id: member, display_name: member, role: 'va' },
      org: { id: 'org', name: 'Demo' },
      accounts: [ACME, BIRCH],
      presence: this.presence,
      heartbeat_interval: this.heartbeat,
    };
  }

  /** @param {unknown} data */
  #json(data) {
    return Response.json(data, { headers: { 'Presence-Version': String(++this.serial) } });
  }
}

/**
 * A request, as client/calls.js makes it.
 *
 * @param {RequestInit | undefined} init
 * @returns {Pick<Asked, 'method' | 'headers' | 'body'>}
 */
export function sentBy(init) {
  const { method, headers, body } =
    /** @type {{method: string, headers: Record<string, string>, body?: string}} */ (init);
  return { method, headers, body: method === 'POST' ? JSON.parse(String(body)) : {} };
}

/**
 * @param {number} status
 * @param {unknown} code a string, unless a test sends something else
 * @param {Record<string, unknown>} [fields]
 * @param {Record<string, string>} [headers]
 */
export function problem(status, code, fields = {}, headers = {}) {
  const type = { 'Content-Type': 'application/problem+json' };
  const body = { status, code, detail: 'As the server says.', ...fields };
  return Response.json(body, { status, headers: { ...type, ...headers } });
}

export const broken = () => Promise.reject(new TypeError('fetch failed'));

/** Storage and the rest of Chrome, which outlive a controller. */
export class Chrome {
  /** @type {State} */
  state = NOTHING;
  /** @type {KeptSession | null} */
  kept = null;
  /** @type {Ending[]} */
  endings = [];
  lasting = false;
  alarm = Infinity; // none
  /** @type {'active' | 'idle' | 'locked'} */
  input = 'active';
  /** @type {string[][]} */
  notes = [];
  /** @type {{state: State, isSignedIn: boolean} | null} */
  toolbar = null;

  /** @param {TestClock} clock */
  constructor(clock) {
    /** @type {Outside} */
    this.outside = {
      storage: {
        read: async () => structuredClone(this.state),
        write: async (state) => void (this.state = structuredClone(state)),
        session: async () => this.kept,
        endings: async () => structuredClone(this.endings),
        setEndings: async (endings) => void (this.endings = structuredClone(endings)),
        setSession: async (session, keep) => void ([this.kept, this.lasting] = [session, keep]),
      },
      alarm: { set: async (seconds) => void (this.alarm = seconds) },
      toolbar: { show: async (state, isSignedIn) => void (this.toolbar = { state, isSignedIn }) },
      notify: {
        ask: async (account) => void this.notes.push(['ask', account.name]),
        clear: async () => void this.notes.push(['clear']),
        tell: async (notice) => void this.notes.push(['tell', notice.kind]),
      },
      idle: { state: async () => this.input },
      clock,
    };
  }

  /** The record of the member who is signed in: the test fails where nobody is. */
  get record() {
    const record = recordOf(this.state);
    assert.ok(record, 'nobody is signed in');
    return record;
  }

  /** The session's token: the test fails where there is no session. */
  get token() {
    assert.ok(this.kept, 'there is no session');
    return this.kept.token;
  }
}

/** Ana, signed in. */
export async function signedIn() {
  /** @type {TestClock} */
  const clock = { time: START, now: () => clock.time, random: () => 1, uuid: () => `k${++keys}` };
  let keys = 0;
  const server = new Server(clock);
  const chrome = new Chrome(clock);
  const fresh = () => new Controller({ ...chrome.outside, fetch: server.fetch });
  const controller = fresh();
  await controller.setServer({ server: SERVER });
  await controller.signIn({ code: 'ana', keep: false });
  server.requests.length = 0;
  const click = () => ({ key: clock.uuid(), at: clock.time });
  /**
   * Let minutes pass, with the alarm that Chrome would give; `input` for each tick.
   *
   * @param {number} minutes
   */
  const pass = async (minutes, input = chrome.input) => {
    const end = clock.time + minutes * MINUTE;
    chrome.input = input;
    while (Number.isFinite(chrome.alarm) && clock.time + chrome.alarm * 1000 <= end) {
      clock.time += chrome.alarm * 1000;
      await controller.tick();
    }
    clock.time = end;
  };
  return { clock, server, chrome, controller, fresh, click, pass };
}

/** Ana on Acme Dental. */
export async function onTheClock() {
  const stage = await signedIn();
  await stage.controller.clockIn({ ...stage.click(), account: ACME });
  stage.server.requests.length = 0;
  return { ...stage, token: stage.chrome.token };
}
