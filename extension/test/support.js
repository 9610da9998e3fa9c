/** A clock that tests turn, a server in memory, and what Chrome would be to a controller. */

import { Controller } from '../lib/controller.js';
import { NOTHING, recordOf } from '../lib/state.js';

export const START = Date.parse('2026-11-22T15:00:00.000Z');
export const MINUTE = 60_000;
export const SERVER = 'https://presence.example';
export const ACME = { id: 'acme', name: 'Acme Dental' };
export const BIRCH = { id: 'birch', name: 'Birch Law' };

export const iso = (ms) => new Date(ms).toISOString();

export function tokenOf(member, { iat = START / 1000, ttl = 43_200, ...more } = {}) {
  const claims = { mid: member, iat, exp: iat + ttl, ...more };
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

/** Answers as the service does; `trouble(path, body)` answers first, where it gives something. */
export class Server {
  requests = [];
  trouble = () => undefined;
  ahead = 0; // ms
  heartbeat = 45;
  serial = 0;
  presences = 0;

  constructor(clock) {
    this.clock = clock;
  }

  fetch = async (url, { method, headers, body }) => {
    const path = new URL(url).pathname;
    const asked = { path, method, headers, body: body && JSON.parse(body), at: this.clock.now() };
    this.requests.push(asked);
    const answer = (await this.trouble(path, asked.body)) ?? this.#answer(asked);
    answer.headers.set('Date', new Date(this.clock.now() + this.ahead).toUTCString());
    return answer;
  };

  asked(path) {
    return this.requests.filter((request) => request.path === path);
  }

  #answer({ path, body }) {
    if (path === '/v1/sessions/current') return new Response(null, { status: 204 });
    if (path === '/v1/heartbeat') return new Response(null, { status: 204 });
    if (path === '/v1/clock-out') return this.#json({ cleared: true, account_id: 'acme' });
    if (path.startsWith('/v1/sessions')) return this.#json(this.session(body.access_code ?? 'ana'));
    const presence = {
      id: `p${++this.presences}`,
      account_id: body.account_id,
      clocked_in_at: iso(this.clock.now()),
    };
    return this.#json({ presence, released_account_id: null });
  }

  /** In these tests a member's access code is their id. */
  session(member, more) {
    return {
      token: tokenOf(member, { iat: this.clock.now() / 1000, serial: ++this.serial, ...more }),
      member: { id: member, display_name: member, role: 'va' },
      org: { id: 'org', name: 'Demo' },
      accounts: [ACME, BIRCH],
      presence: null,
      heartbeat_interval: this.heartbeat,
    };
  }

  #json(data) {
    return Response.json(data, { headers: { 'Presence-Version': String(++this.serial) } });
  }
}

export function problem(status, code, fields = {}, headers = {}) {
  const type = { 'Content-Type': 'application/problem+json' };
  const body = { status, code, detail: 'As the server says.', ...fields };
  return Response.json(body, { status, headers: { ...type, ...headers } });
}

export const broken = () => Promise.reject(new TypeError('fetch failed'));

/** Storage and the rest of Chrome, which outlive a controller. */
export class Chrome {
  state = NOTHING;
  kept = null;
  endings = [];
  lasting = false;
  alarm = null;
  input = 'active';
  notes = [];
  toolbar = null;

  constructor(clock) {
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

  get record() {
    return recordOf(this.state);
  }
}

/** Ana, signed in. */
export async function signedIn() {
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
  /** Let minutes pass, with the alarm that Chrome would give; `input` for each tick. */
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
  return { ...stage, token: stage.chrome.kept.token };
}
