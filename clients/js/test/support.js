/** A clock that tests turn, a server in memory, and tabs of one browser. */

import { PresencePoller } from '../src/index.js';

export const START = Date.parse('2026-11-22T15:05:00.000Z');

/** Let everything happen that is due now, messages between tabs too. */
export async function settle() {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class Clock {
  time = START;
  chance = 0;
  timers = new Map();
  last = 0;

  now = () => this.time;
  random = () => this.chance;
  setTimeout = (then, ms) => {
    this.timers.set(++this.last, { then, at: this.time + ms });
    return this.last;
  };
  clearTimeout = (timer) => this.timers.delete(timer);

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

export function tokenOf(
  member,
  { iat = START / 1000, ttl = 43_200, serial = 1, gen = 0, sid } = {},
) {
  const claims = { org: 'org', mid: member, sid, gen, iat, exp: iat + ttl, serial };
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

/** Answers as the service does; `trouble` answers first, if it is a function. */
export class Server {
  version = 1;
  accountsVersion = 1;
  interval = 2;
  own = null;
  ahead = 0; // seconds
  requests = [];
  open = 0;
  mostOpen = 0;
  trouble = null;
  holding = [];

  constructor(clock) {
    this.clock = clock;
  }

  get polls() {
    return this.requests.filter(({ path }) => path === '/v1/presence');
  }

  asked(path) {
    return this.requests.filter((request) => request.path === path);
  }

  change() {
    this.version++;
    for (const release of this.holding.splice(0)) release();
  }

  fetch = async (url, { method, headers, cache, credentials, signal, body }) => {
    const path = url.slice(url.indexOf('/v1/'));
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
    if (wait) await new Promise((resolve) => this.holding.push(resolve));
    const held = wait ? { 'Preference-Applied': headers.Prefer } : {};
    if (headers['If-None-Match'] === this.etag) return this.json(null, { status: 304, ...held });
    return this.json(this.snapshot, held);
  }

  get etag() {
    return `W/"${this.version}"`;
  }

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

  json(data, { status = 200, ...more } = {}) {
    const headers = {
      ETag: this.etag,
      Date: new Date(this.clock.time + this.ahead * 1000).toUTCString(),
      'X-Poll-Interval': String(this.interval),
      ...more,
    };
    return new Response(data && JSON.stringify(data), { status, headers });
  }
}

export function refusal(status, problem, headers = {}) {
  return new Response(JSON.stringify({ code: 'refused', detail: 'No.', ...problem }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  });
}

function aborted(signal) {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
}

/** Web Locks, which Node 20 does not have: one holder, and a queue that can be left. */
export class Locks {
  #queues = new Map();

  request(name, { signal }, callback) {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return new Promise((resolve, reject) => {
      let holds = false;
      const leave = () => {
        queue.splice(queue.indexOf(run), 1);
        if (queue[0]) setImmediate(queue[0]);
      };
      const run = async () => {
        if (signal.aborted || holds) return;
        holds = true;
        resolve(await callback());
        leave();
      };
      signal.addEventListener('abort', () => {
        if (holds) return;
        leave();
        reject(signal.reason);
      });
      if (queue.push(run) === 1) setImmediate(run);
    });
  }
}

/** One tab: the parts of a window that a poller looks at. */
export class Tab extends EventTarget {
  document = { visibilityState: 'visible' };
  location = { href: 'https://board.example/', origin: 'https://board.example' };
  BroadcastChannel = BroadcastChannel;

  constructor(locks) {
    super();
    this.navigator = { onLine: true, locks };
  }

  tell(event) {
    this.dispatchEvent(new Event(event));
  }

  show(visibilityState = 'visible') {
    this.document.visibilityState = visibilityState;
    this.tell('visibilitychange');
  }

  hide() {
    this.show('hidden');
  }
}

let stages = 0;

/** A clock, a server, and pollers that end with the test. */
export function stage(t) {
  const clock = new Clock();
  const server = new Server(clock);
  const locks = new Locks();
  const url = `https://board.example/${++stages}`; // channels of other tests are not this one's
  const poller = (options = {}) => {
    const made = new PresencePoller({
      url,
      getToken: () => tokenOf('ana'),
      fetch: server.fetch,
      clock,
      scope: {},
      ...options,
    });
    t.after(() => made.stop());
    made.changes = 0;
    made.subscribe(() => made.changes++);
    return made;
  };
  return { clock, server, locks, poller };
}
