/**
 * @import { StateStore } from '../lib/state-store.js'
 * @import { Answering, Trouble } from './support.js'
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Replayer } from '../lib/replayer.js';
import { NOTHING } from '../lib/state.js';
import { ACME, BIRCH, broken, iso, problem, SERVER, START, signedIn } from './support.js';

test('a clock-in is sent with a key and its time, and then forgotten', async () => {
  const { controller, server, chrome, click } = await signedIn();
  const event = { ...click(), account: ACME };
  await controller.clockIn(event);
  const [{ headers, body }] = server.asked('/v1/clock-in');
  assert.equal(headers['Idempotency-Key'], event.key);
  assert.deepEqual(body, { account_id: 'acme', occurred_at: iso(START) });
  assert.deepEqual(chrome.record.queue, []);
  assert.equal(chrome.record.presence?.account.name, 'Acme Dental');
});

test('it is stored before it is sent', async () => {
  const { controller, server, chrome, click } = await signedIn();
  let queued;
  server.trouble = () => void (queued = chrome.record.queue.length);
  await controller.clockIn({ ...click(), account: ACME });
  assert.equal(queued, 1);
});

test('without a server all is kept, and sent in order with its own times and keys', async () => {
  const { controller, server, chrome, click, clock, pass } = await signedIn();
  server.trouble = broken;
  await controller.clockIn({ ...click(), account: ACME });
  clock.time += 60_000;
  await controller.clockIn({ ...click(), account: BIRCH });
  clock.time += 60_000;
  await controller.clockOut(click());
  assert.equal(chrome.record.queue.length, 3);
  const keys = chrome.record.queue.map(({ key }) => key);
  server.trouble = () => undefined;
  server.requests.length = 0;
  await pass(3);
  assert.deepEqual(
    server.requests.map(({ path, headers, body }) => [path, headers['Idempotency-Key'], body]),
    [
      ['/v1/clock-in', keys[0], { account_id: 'acme', occurred_at: iso(START) }],
      ['/v1/clock-in', keys[1], { account_id: 'birch', occurred_at: iso(START + 60_000) }],
      [
        '/v1/clock-out',
        keys[2],
        // That of the answer to the second, which came just before.
        { presence_id: 'p2', reason: 'user', occurred_at: iso(START + 120_000) },
      ],
    ],
  );
  assert.equal(chrome.record.presence, null);
});

test('an answer that was lost is asked for again with the same key', async () => {
  const { controller, server, chrome, click, fresh } = await signedIn();
  server.trouble = () => new Promise(() => {});
  const event = { ...click(), account: ACME };
  void controller.clockIn(event);
  while (server.requests.length === 0) await new Promise(setImmediate);
  server.trouble = () => undefined;
  await fresh().clockIn(event);
  const [first, second, ...more] = server.requests;
  assert.deepEqual(more, []);
  assert.deepEqual(second.body, first.body);
  assert.equal(second.headers['Idempotency-Key'], first.headers['Idempotency-Key']);
  assert.equal(chrome.record.presence?.account.id, 'acme');
});

test('a refused clock-in drops the clock-out behind it, and says so', async () => {
  const { controller, server, chrome, click } = await signedIn();
  server.trouble = broken;
  await controller.clockIn({ ...click(), account: ACME });
  await controller.clockOut(click());
  server.trouble = (path) =>
    path === '/v1/clock-in' ? problem(409, 'account_occupied') : undefined;
  await controller.look();
  assert.deepEqual(chrome.record.queue, []);
  const { notice } = chrome.record;
  assert.deepEqual(
    [notice?.kind, notice?.account, notice?.dropped],
    ['refused_account_occupied', ACME, true],
  );
  assert.deepEqual(server.asked('/v1/clock-out'), []);
});

test('what was clicked after a refused switch and a clock-out still counts', async () => {
  const { controller, server, chrome, click } = await signedIn();
  await controller.clockIn({ ...click(), account: ACME });
  const { presence } = chrome.record;
  assert.ok(presence);
  server.trouble = broken;
  await controller.clockIn({ ...click(), account: BIRCH });
  await controller.clockOut(click());
  server.trouble = (path) =>
    path === '/v1/clock-in' ? problem(409, 'account_occupied') : undefined;
  await controller.look();
  // The member is still on the first account, and wanted to be on none.
  assert.equal(server.asked('/v1/clock-out')[0].body.presence_id, presence.id);
  assert.equal(chrome.record.presence, null);
});

test('a clock-in whose presence has ended meanwhile is not tried again', async () => {
  const { controller, server, chrome, click } = await signedIn();
  server.trouble = () => problem(410, 'presence_ended', { reason: 'force_cleared' });
  await controller.clockIn({ ...click(), account: ACME });
  await controller.look();
  assert.equal(server.requests.length, 1);
  assert.equal(chrome.record.presence, null);
  assert.equal(chrome.record.notice?.kind, 'ended_force_cleared');
});

test('a late clock-out of what has ended disturbs nobody and is done', async () => {
  const { controller, server, chrome, click } = await signedIn();
  await controller.clockIn({ ...click(), account: ACME });
  server.trouble = () => problem(410, 'presence_ended', { reason: 'expired' });
  await controller.clockOut(click());
  assert.deepEqual(chrome.record.queue, []);
  assert.equal(chrome.record.presence, null);
  assert.equal(chrome.record.notice?.kind, 'ended_expired');
});

for (const [name, answer] of /** @type {[string, Trouble][]} */ ([
  ['500', () => problem(500, 'internal_error')],
  ['503', () => problem(503, 'database_unavailable', {}, { 'Retry-After': '2' })],
  ['429', () => problem(429, 'too_many_requests', {}, { 'Retry-After': '31' })],
  ["a proxy's 502", () => new Response('<h1>Bad gateway</h1>', { status: 502 })],
  ["a hotel's page", () => new Response('<h1>Welcome</h1>')],
  ["a hotel's 404", () => new Response('<h1>Gone</h1>', { status: 404 })],
  ['another service', () => problem(404, 'not_found')],
  ['no network', broken],
])) {
  test(`${name} is no answer: the event is kept`, async () => {
    const { controller, server, chrome, click, pass } = await signedIn();
    server.trouble = answer;
    await controller.clockIn({ ...click(), account: ACME });
    assert.equal(chrome.record.queue.length, 1);
    assert.equal(chrome.record.retry?.failures, 1);
    assert.equal(chrome.record.notice, null);
    server.trouble = () => undefined;
    await pass(3);
    assert.equal(chrome.record.presence?.account.id, 'acme');
    assert.equal(chrome.record.retry, null);
  });
}

test('tries come less and less often, never sooner than the server says', async () => {
  const { controller, server, click, pass } = await signedIn();
  server.trouble = broken;
  await controller.clockIn({ ...click(), account: ACME });
  await pass(15);
  const rests = server.requests.map(
    ({ at }, index, all) => (at - (all[index - 1]?.at ?? at)) / 1000,
  );
  // By alarms of 45 s: 30 s, 60 s, then 120 s.
  assert.deepEqual(rests.slice(0, 5), [0, 45, 90, 135, 135]);
  server.trouble = () => problem(503, 'database_unavailable', {}, { 'Retry-After': '600' });
  await controller.look();
  server.requests.length = 0;
  await pass(9);
  assert.deepEqual(server.requests, []);
  await pass(2);
  assert.equal(server.requests.length, 1);
});

test('a click tries at once, whatever failed before', async () => {
  const { controller, server, click } = await signedIn();
  server.trouble = broken;
  await controller.clockIn({ ...click(), account: ACME });
  await controller.clockOut(click());
  assert.equal(server.requests.length, 2);
});

test('a click that comes while something is sent is sent after it', async () => {
  const { controller, server, chrome, click } = await signedIn();
  /** @type {Answering[]} */
  const answers = [];
  server.trouble = () => new Promise((resolve) => void answers.push(resolve));
  const first = controller.clockIn({ ...click(), account: ACME });
  while (answers.length === 0) await new Promise(setImmediate);
  const second = controller.clockOut(click());
  server.trouble = () => undefined;
  answers[0](undefined);
  await Promise.all([first, second]);
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/v1/clock-in', '/v1/clock-out'],
  );
  assert.equal(chrome.record.presence, null);
});

test('nor is a wish lost that comes at the very end of the sending before', async () => {
  for (let steps = 0; steps < 20; steps++) {
    let rounds = 0;
    const read = async () => ({ ...NOTHING, who: String(++rounds) });
    const store = /** @type {StateStore} */ ({ read, session: async () => null });
    const replayer = new Replayer(store, { now: () => START, random: () => 1 });
    void replayer.replay();
    for (let step = 0; step < steps; step++) await null;
    const before = rounds;
    await replayer.replay();
    assert.ok(rounds > before, `after ${steps} steps`);
  }
});

test('clicking twice is once', async () => {
  const { controller, server, click } = await signedIn();
  await controller.clockIn({ ...click(), account: ACME });
  await controller.clockIn({ ...click(), account: ACME });
  await controller.clockOut(click());
  await controller.clockOut(click());
  assert.equal(server.requests.length, 2);
});

test("times are by the server's clock", async () => {
  const { controller, server, chrome, click } = await signedIn();
  server.ahead = 600_000;
  await controller.signIn({ code: 'ana', keep: false });
  await controller.clockIn({ ...click(), account: ACME });
  assert.equal(server.asked('/v1/clock-in')[0].body.occurred_at, iso(START + 600_000));
  assert.equal(chrome.record.skew, 600_000);
});

test('a queue is sent with its own member’s token only', async () => {
  const { controller, server, chrome, click } = await signedIn();
  server.trouble = broken;
  await controller.clockIn({ ...click(), account: ACME });
  await controller.signOut(click());
  server.trouble = () => undefined;
  server.requests.length = 0;
  await controller.signIn({ code: 'ben', keep: false });
  await controller.look();
  assert.deepEqual(server.asked('/v1/clock-in'), []);
  assert.equal(chrome.record.member.name, 'ben');
  await controller.signIn({ code: 'ana', keep: false });
  const sent = server.requests.filter(({ path }) => !path.startsWith('/v1/sessions'));
  assert.deepEqual(
    sent.map(({ path }) => path),
    ['/v1/clock-in', '/v1/clock-out'],
  );
  const claims = sent.map(({ headers }) => JSON.parse(atob(headers.Authorization.split('.')[1])));
  assert.deepEqual(
    claims.map(({ mid }) => mid),
    ['ana', 'ana'],
  );
});

test('of members who are gone and have nothing to send, nothing is kept', async () => {
  const { controller, chrome, click } = await signedIn();
  await controller.signOut(click());
  assert.deepEqual(chrome.state.records, {});
  assert.equal(chrome.state.server, SERVER);
});
