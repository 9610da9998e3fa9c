/**
 * What something between extension and service makes of answers: a proxy, a sign-on, a portal.
 *
 * @import { TestContext } from 'node:test'
 */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { call } from '../client/calls.js';
import { noticeText } from '../lib/messages.js';
import { farewellOf } from '../lib/popup-model.js';
import { SnapshotPoller } from '../lib/snapshot-poller.js';
import { ACME, MINUTE, problem, SERVER, START, say, signedIn } from './support.js';

/**
 * @param {number} status
 * @param {Record<string, string>} [headers]
 */
const html = (status, headers) => new Response('<h1>Sign on</h1>', { status, headers });
/** @param {unknown} body */
const json = (body, status = 200) => Response.json(body, { status });

/** @type {Record<string, () => Response>} */
const FOREIGN = {
  ...Object.fromEntries(
    [400, 401, 403, 404, 409, 410, 422].map((status) => [`HTML ${status}`, () => html(status)]),
  ),
  'a portal’s 200': () => html(200),
  'a redirect to a sign-on': () => html(302, { Location: 'https://sso.example/' }),
  'a code in plain JSON': () => json({ code: 'presence_ended', reason: 'expired' }, 410),
  'a token refused in plain JSON': () =>
    json({ code: 'not_authenticated', reason: 'revoked' }, 401),
  'a code of another form': () => problem(403, 'AccessDenied'),
  'a code that is a number': () => problem(401, 1020),
  'half a problem': () =>
    new Response('{"code": "presence_en', {
      status: 410,
      headers: { 'Content-Type': 'application/problem+json' },
    }),
  'another JSON': () => json({ login: '/sso' }),
  'a list': () => json([]),
  'an empty 200': () => new Response(''),
  'a presence of nobody': () => json({ presence: null }),
  'a presence without an id': () => json({ presence: { account_id: 'acme' } }),
};

for (const [name, answer] of Object.entries(FOREIGN)) {
  test(`${name} loses no event, ends no presence and signs nobody out`, async () => {
    const { controller, server, chrome, click, clock, pass } = await signedIn();
    await controller.clockIn({ ...click(), account: ACME });
    const { presence } = chrome.record;
    const { token } = chrome;
    server.trouble = (path) =>
      path === '/v1/heartbeat' && server.asked(path).length > 1 ? undefined : answer();
    clock.time += MINUTE;
    await controller.tick();
    assert.deepEqual(chrome.record.presence, presence);
    await controller.clockOut(click());
    assert.equal(chrome.record.queue.length, 1);
    await pass(10);
    assert.equal(chrome.record.queue.length, 1);
    assert.ok(server.asked('/v1/clock-out').length < 10);
    assert.equal(chrome.token, token);
    assert.equal(chrome.state.signedOut, null);
    assert.equal(chrome.record.notice, null);
    server.trouble = () => undefined;
    await pass(3);
    assert.deepEqual([chrome.record.queue, chrome.record.presence], [[], null]);
  });

  test(`${name} is no session: signing in says so, and renewing changes nothing`, async () => {
    const { controller, server, chrome, pass } = await signedIn();
    const { token } = chrome;
    const before = structuredClone(chrome.state);
    server.trouble = (path) => (path.startsWith('/v1/sessions') ? answer() : undefined);
    await assert.rejects(controller.signIn({ code: 'ben', keep: true }), {
      status: 0,
      code: 'unreachable',
    });
    assert.deepEqual(chrome.state, before);
    await pass(370);
    assert.ok(server.asked('/v1/sessions/renew').length >= 1);
    assert.equal(chrome.token, token);
  });
}

/**
 * The popup's polls while `answers.next` answers; `pass` lets seconds go by.
 *
 * @param {TestContext} t
 * @param {() => Response} next
 */
async function polling(t, next) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  /** @type {{polls: number, changes: number, refused: string | null}} */
  const seen = { polls: 0, changes: 0, refused: null };
  const answers = { next };
  const poller = new SnapshotPoller({
    where: async () => ({ server: SERVER, token: 'a token' }),
    onChange: () => seen.changes++,
    onRefused: (_token, reason) => (seen.refused = reason),
    clock: { random: () => 0 },
    fetch: async () => (seen.polls++, answers.next()),
  });
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  };
  /** @param {number} seconds */
  const pass = async (seconds) => {
    for (let ms = 0; ms < seconds * 1000; ms += 100) {
      mock.timers.tick(100);
      await settle();
    }
  };
  poller.refresh();
  await settle();
  return { poller, seen, answers, pass };
}

const SNAPSHOT = { version: 1, view: 'va', accounts_version: 1, presence: [], me: null };
/**
 * @param {Record<string, unknown>} [more]
 * @param {Record<string, string>} [headers]
 */
const snapshot = (more = {}, headers = {}) => Response.json({ ...SNAPSHOT, ...more }, { headers });

for (const [name, answer] of Object.entries(FOREIGN)) {
  test(`${name} leaves the popup signed in, with what it knows`, async (t) => {
    const { poller, seen, answers, pass } = await polling(t, () => snapshot());
    answers.next = answer;
    await pass(60);
    assert.deepEqual(
      [poller.status, poller.snapshot?.version, seen.refused],
      ['reconnecting', 1, null],
    );
    assert.ok(seen.polls < 15, `${seen.polls} polls in a minute`);
    answers.next = () => snapshot({ version: 2 });
    await pass(16);
    assert.deepEqual([poller.status, poller.snapshot?.version], ['live', 2]);
  });
}

for (const change of [
  { version: '2' },
  { view: 'guest' },
  { presence: {} },
  { presence: [{}] },
  { me: 'ana' },
]) {
  test(`the popup believes no snapshot with ${JSON.stringify(change)}`, async (t) => {
    const { poller, answers, pass } = await polling(t, () => snapshot());
    answers.next = () => snapshot(change);
    await pass(5);
    assert.deepEqual([poller.status, poller.snapshot?.version], ['reconnecting', 1]);
  });
}

for (const said of ['2, 2', '', '0', '-1', 'NaN', '1e9', '99999999999', undefined]) {
  test(`a poll interval of “${said}” neither floods nor stops the popup`, async (t) => {
    /** @type {Record<string, string>} */
    const headers = said === undefined ? {} : { 'X-Poll-Interval': said };
    const { seen, pass } = await polling(t, () => snapshot({}, headers));
    await pass(4);
    assert.ok(seen.polls <= 5, `${seen.polls} polls in 4 s`);
    await pass(310);
    assert.ok(seen.polls >= 2);
    assert.equal(seen.changes, 1);
  });
}

for (const said of ['99999999999', 'Fri, 31 Dec 9999 23:59:59 GMT']) {
  test(`Retry-After: ${said} holds up an event for an hour at most`, async () => {
    const { controller, server, chrome, click, pass } = await signedIn();
    server.trouble = () => problem(503, 'busy', {}, { 'Retry-After': said });
    await controller.clockIn({ ...click(), account: ACME });
    server.trouble = () => undefined;
    await pass(61, 'active');
    assert.deepEqual(chrome.record.queue, []);
  });
}

for (const interval of [0, -5, NaN, 'soon', null, undefined, 1e12]) {
  test(`a heartbeat interval of ${interval} neither floods nor stops`, async () => {
    const { controller, server, chrome, click, pass } = await signedIn();
    server.heartbeat = interval;
    await controller.signIn({ code: 'ana', keep: false });
    await controller.clockIn({ ...click(), account: ACME });
    assert.ok(chrome.alarm >= 30 && chrome.alarm <= 60, `${chrome.alarm}`);
    server.requests.length = 0;
    await pass(61, 'active');
    const beats = server.asked('/v1/heartbeat').length;
    assert.ok(beats >= 1 && beats <= 122, `${beats}`);
  });
}

for (const [date, ms] of /** @type {[string, number][]} */ ([
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 0],
  ['nonsense', 0],
])) {
  test(`Date: ${date} does not set the clock of events`, async () => {
    const { controller, server, chrome, click } = await signedIn();
    const fetch = server.fetch;
    server.fetch = async (...asked) => {
      const answer = await fetch(...asked);
      answer.headers.set('Date', date);
      return answer;
    };
    controller.replayer.fetch = server.fetch;
    await controller.clockIn({ ...click(), account: ACME });
    await controller.clockOut(click());
    assert.equal(chrome.record.skew, ms);
    assert.equal(server.asked('/v1/clock-out')[0].body.occurred_at, new Date(START).toISOString());
  });
}

test('a version that is no number hides nothing of the next snapshots', async () => {
  for (const said of ['7, 7', 'x', '1e300']) {
    const { controller, server, chrome, click } = await signedIn();
    const presence = { id: 'p', account_id: 'acme', clocked_in_at: new Date(START).toISOString() };
    server.trouble = (path) =>
      path === '/v1/clock-in'
        ? Response.json({ presence }, { headers: { 'Presence-Version': said } })
        : undefined;
    await controller.clockIn({ ...click(), account: ACME });
    assert.ok([0, 7].includes(chrome.record.version), `${chrome.record.version}`);
  }
});

test('a heartbeat is taken as such where somebody waits for the account too', async () => {
  const { controller, server, chrome, click, clock } = await signedIn();
  await controller.clockIn({ ...click(), account: ACME });
  clock.time += MINUTE;
  server.trouble = (path) => (path === '/v1/heartbeat' ? json({ waiting: 1 }) : undefined);
  await controller.tick();
  assert.equal(chrome.record.lastBeat, clock.time);
});

test('a 304 that was not asked for is no answer', async () => {
  const fetch = async () => new Response(null, { status: 304 });
  await assert.rejects(call(SERVER, 'GET', '/v1/presence', { fetch }), { status: 0 });
});

test('reasons that a newer server may give have words too', async () => {
  /** @param {string} kind */
  const notice = (kind) => noticeText(say, { kind, account: ACME, at: START }, START);
  assert.match(notice('ended_taken_over'), /^notice_ended Acme Dental/);
  assert.match(notice('ended_expired'), /^notice_ended_expired /);
  assert.match(notice('refused_take_over_refused'), /^notice_refused Acme/);
  const { chrome } = await signedIn();
  /** @param {string} signedOut */
  const farewell = (signedOut) => farewellOf({ ...chrome.state, signedOut });
  assert.equal(farewell('on_strike')?.reason, 'farewell_invalid');
  assert.equal(farewell('signed_out')?.reason, 'farewell_signed_out');
});
