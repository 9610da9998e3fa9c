/** What something between page and service makes of answers: a proxy, a sign-on, a hotel's network. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { call, PresenceError, signIn } from '../src/index.js';
import { Tab } from './browser.js';
import { refusal, START, settle, stage } from './support.js';

/** @import { Trouble } from './support.js' */

/**
 * @param {number} status
 * @param {Record<string, string>} [headers]
 */
const html = (status, headers) => new Response('<h1>Sign on</h1>', { status, headers });
/** @type {(body: unknown, status?: number) => Response} */
const json = (body, status = 200) => Response.json(body, { status });
/** @type {(body: {code?: unknown, title?: string}, status: number) => Response} */
const problem = (body, status) => refusal(status, { code: undefined, ...body });

/**
 * By their names: no word of the service's, though some come near it.
 *
 * @type {Record<string, () => Response>}
 */
const FOREIGN = {
  ...Object.fromEntries(
    [400, 401, 403, 404, 407, 410, 502].map((status) => [`HTML ${status}`, () => html(status)]),
  ),
  'a portal’s 200': () => html(200),
  'a redirect to a sign-on': () => html(302, { Location: 'https://sso.example/' }),
  'a redirect as browsers show it': opaque,
  'JSON of another service': () => json({ message: 'Unauthorized' }, 401),
  'a code in plain JSON': () => json({ code: 'not_authenticated', reason: 'revoked' }, 401),
  'a problem without a code': () => problem({ title: 'Forbidden' }, 403),
  'a code that is a number': () => problem({ code: 1020 }, 403),
  'a code of another form': () => problem({ code: 'AccessDenied' }, 401),
  'a problem cut short': () =>
    new Response('{"code": "not_auth', {
      status: 401,
      headers: { 'Content-Type': 'application/problem+json' },
    }),
  'an empty 401': () => new Response(null, { status: 401 }),
  'an empty 200': () => new Response(''),
  'a 204': () => new Response(null, { status: 204 }),
  'another JSON': () => json({ error: 'login_required' }),
  'a list': () => json([]),
  'a snapshot cut short': () => new Response('{"version": 2, "view": "va", "presence": [{"acc'),
};

const SNAPSHOT = { version: 2, view: 'va', accounts_version: 1, presence: [], me: null };
for (const [name, change] of Object.entries({
  'without a version': { version: undefined },
  'with a version in words': { version: '2' },
  'with half a version': { version: 2.5 },
  'without accounts_version': { accounts_version: undefined },
  'of no view': { view: 'guest' },
  'whose presence is no list': { presence: {} },
  'with an entry of no account': { presence: [{ id: 'a' }] },
  'of admins without names': { view: 'admin', presence: [{ account_id: 'a' }] },
  'without me': { me: undefined },
  'with me of another form': { me: 'ana' },
})) {
  FOREIGN[`a snapshot ${name}`] = () => json({ ...SNAPSHOT, ...change });
}

function opaque() {
  const answer = { type: 'opaqueredirect', status: 0, ok: false, headers: new Headers() };
  return /** @type {Response} */ ({ ...answer, text: async () => '' });
}

for (const [name, answer] of Object.entries(FOREIGN)) {
  test(`${name} signs nobody out: reconnecting, in all tabs`, async (t) => {
    const { clock, server, locks, poller } = stage(t);
    const tabs = [1, 2].map(() => poller({ scope: new Tab(locks) }));
    for (const one of tabs) one.start();
    await clock.pass(1);
    const { snapshot } = tabs[0].getState();
    clock.chance = 1;
    server.trouble = answer;
    server.requests.length = 0;
    await clock.pass(60);
    for (const one of tabs) {
      assert.equal(one.getState().status, 'reconnecting');
      assert.deepEqual(one.getState().snapshot, snapshot);
    }
    assert.ok(server.requests.length < 12, `${server.requests.length} polls in a minute`);
    server.trouble = null;
    await clock.pass(11);
    for (const one of tabs)
      assert.deepEqual([one.getState().status, one.getState().reason], ['live', null]);
  });
}

test('it says whether something answered in between, or the server is away', async (t) => {
  /** @type {[Trouble, string | null][]} */
  const cases = [
    [() => html(403), 'intercepted'],
    [FOREIGN['a redirect as browsers show it'], 'intercepted'],
    [() => html(200), 'intercepted'],
    [() => html(502), null],
    [() => Promise.reject(new TypeError('fetch failed')), null],
  ];
  for (const [answer, reason] of cases) {
    const { clock, server, poller } = stage(t);
    clock.chance = 1;
    server.trouble = answer;
    const one = poller();
    one.start();
    await settle();
    assert.deepEqual([one.getState().status, one.getState().reason], ['reconnecting', reason]);
  }
});

test('accounts that are not the service’s are not believed either', async (t) => {
  for (const answer of [
    html(200),
    json({ accounts: [{ id: 'a' }] }),
    json({ accounts: 'none' }),
    html(403),
  ]) {
    const { clock, server, poller } = stage(t);
    clock.chance = 1;
    server.trouble = (path) => (path === '/v1/accounts' ? answer : undefined);
    const one = poller();
    one.start();
    await settle();
    assert.deepEqual([one.getState().status, one.getState().snapshot], ['reconnecting', null]);
  }
});

test('nor is a renewed token: the old one serves on', async (t) => {
  for (const answer of [() => html(200), () => json({ token: 7 }), () => html(401)]) {
    const { clock, server, poller } = stage(t);
    /** @type {string[]} */
    const kept = [];
    server.interval = 300;
    server.trouble = (path) => (path === '/v1/sessions/renew' ? answer() : undefined);
    const one = poller({ onToken: (token) => kept.push(token) });
    one.start();
    await clock.pass(22_000);
    assert.equal(server.asked('/v1/sessions/renew').length, 1);
    assert.deepEqual([kept, one.getState().status], [[], 'live']);
  }
});

test('a call ends with an error of no status, and a sign-in says what may be in between', async () => {
  for (const [name, answer] of Object.entries(FOREIGN)) {
    if (name === 'a 204' || name.includes('snapshot') || name === 'another JSON') continue; // of other calls
    const fetch = async () => answer();
    await assert.rejects(
      call('', 'POST', '/v1/clock-in', { body: {}, fetch }),
      { status: 0, code: 'unreachable' },
      name,
    );
  }
  for (const answer of Object.values(FOREIGN)) {
    await assert.rejects(
      signIn('', 'K7QF-9TWM-2XHP', { fetch: async () => answer() }),
      PresenceError,
    );
  }
  await assert.rejects(
    signIn('', 'K7QF', { fetch: async () => html(302) }),
    /perhaps a sign-on page. Reload/,
  );
});

test('a call follows no redirect, and is given up after ten seconds', async (t) => {
  const limits = t.mock.method(AbortSignal, 'timeout');
  /** @type {RequestInit} */
  let asked = {};
  /** @type {typeof globalThis.fetch} */
  const fetch = async (_url, request = {}) => {
    asked = request;
    throw new TypeError('fetch failed');
  };
  await assert.rejects(call('', 'GET', '/v1/me', { fetch }), { status: 0 });
  assert.equal(asked.redirect, 'manual');
  assert.equal(asked.credentials, 'same-origin');
  assert.deepEqual(
    limits.mock.calls.map(({ arguments: [ms] }) => ms),
    [10_000],
  );
  assert.equal(asked.signal, limits.mock.calls[0].result);
});

test('a 304 that was not asked for is not believed', async (t) => {
  const { clock, server, poller } = stage(t);
  clock.chance = 1;
  server.trouble = () => new Response(null, { status: 304 });
  const one = poller();
  one.start();
  await settle();
  assert.equal(one.getState().status, 'reconnecting');
});

/** @param {Headers} headers */
const tagOf = (headers) => headers.get('ETag') ?? assert.fail('no tag');

/**
 * What a proxy makes of tags: given the service's, and the number of the answer.
 *
 * @type {Record<string, (headers: Headers, number: number) => void>}
 */
const TAGS = {
  'no tag': (headers) => headers.delete('ETag'),
  'a tag of its own for each answer': (headers, number) => headers.set('ETag', `"${number}"`),
  'the same tag for all answers': (headers) => headers.set('ETag', '"same"'),
  'a strong tag': (headers) => headers.set('ETag', tagOf(headers).slice(2)),
  'a tag for gzip': (headers) => headers.set('ETag', tagOf(headers).replace(/"$/, '-gzip"')),
  'the tag twice': (headers) => headers.append('ETag', tagOf(headers)),
  'no quotes': (headers) => headers.set('ETag', 'nonsense'),
};

for (const [name, change] of Object.entries(TAGS)) {
  test(`with ${name}, all tabs follow, and only changes are told`, async (t) => {
    const { clock, server, locks, poller } = stage(t);
    let number = 0;
    server.trouble = async (path, headers) => {
      const asked = { ...headers };
      delete asked['If-None-Match']; // such a proxy asks the service itself
      const answer = await server.answer(path, asked);
      change(answer.headers, ++number);
      return answer;
    };
    const tabs = [1, 2, 3].map(() => poller({ scope: new Tab(locks) }));
    for (const one of tabs) one.start();
    await clock.pass(10);
    const told = tabs.map(({ changes }) => changes);
    for (const version of [2, 3, 4]) {
      server.change();
      await clock.pass(10);
      for (const one of tabs) {
        assert.equal(one.getState().snapshot?.version, version);
        assert.equal(one.getState().status, 'live');
      }
    }
    assert.deepEqual(
      tabs.map(({ changes }, tab) => changes - told[tab]),
      [3, 3, 3],
    );
    server.own = { id: 'p', account_id: 'a', clocked_in_at: new Date(START).toISOString() };
    await clock.pass(4);
    for (const one of tabs) assert.equal(one.getState().snapshot?.me?.id, 'p');
    assert.equal(server.asked('/v1/accounts').length, 1);
  });
}
