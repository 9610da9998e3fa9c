import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tab } from './browser.js';
import { refusal, START, settle, stage } from './support.js';

const broken = () => Promise.reject(new TypeError('fetch failed'));

test('on failure it backs off exponentially with full jitter, and keeps what it has', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  one.start();
  await clock.pass(1);
  const { snapshot } = one.getState();
  server.trouble = broken;
  clock.chance = 1;
  await clock.pass(1.5); // fails at 2 s
  clock.chance = 0.5;
  server.requests.length = 0;
  await clock.pass(120);
  const times = server.polls.map(({ at }) => at - START);
  const rests = times.map((at, index) => (at - [2000, ...times][index]) / 1000);
  assert.deepEqual(rests.slice(0, 7), [1, 1, 2, 4, 5, 5, 5]);
  assert.deepEqual(one.getState(), { ...one.getState(), status: 'reconnecting', snapshot });
  assert.equal(one.checkedAt, START);
  assert.equal(one.changes, 2);

  server.trouble = null;
  await clock.pass(15);
  assert.equal(one.getState().status, 'live');
  assert.equal(one.getState().snapshot, snapshot);
  assert.equal(one.changes, 3);
  server.trouble = broken;
  server.requests.length = 0;
  await clock.pass(3.5);
  const [first, ...again] = server.polls.map(({ at }) => at);
  assert.equal(again[0] - first, 500); // from the start again
});

test('it comes back no sooner than Retry-After says', async (t) => {
  const { clock, server, poller } = stage(t);
  server.trouble = () => refusal(503, {}, { 'Retry-After': '7' });
  poller().start();
  await clock.pass(20);
  assert.deepEqual(
    server.polls.map(({ at }) => at - START),
    [0, 7000, 14_000],
  );
});

test('no network is offline, and online polls at once', async (t) => {
  const { clock, server, poller } = stage(t);
  const tab = new Tab();
  const one = poller({ scope: tab });
  one.start();
  await clock.pass(1);
  server.trouble = broken;
  clock.chance = 1;
  tab.navigator.onLine = false;
  tab.tell('offline');
  await settle();
  await clock.pass(0);
  assert.equal(one.getState().status, 'offline');
  server.trouble = null;
  tab.navigator.onLine = true;
  tab.tell('online');
  await settle();
  assert.equal(one.getState().status, 'live');
});

test('a server that never answers is given up after ten seconds', async (t) => {
  const { clock, server, poller } = stage(t);
  clock.chance = 1;
  server.trouble = () => new Promise(() => {});
  const one = poller();
  one.start();
  await clock.pass(9);
  assert.equal(one.getState().status, 'connecting');
  await clock.pass(1);
  assert.equal(one.getState().status, 'reconnecting');
});

test('what comes in between instead of the server is no answer', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  clock.chance = 1;
  server.trouble = () => new Response('<h1>Welcome to our hotel</h1>');
  one.start();
  await settle();
  assert.equal(one.getState().status, 'reconnecting');
  server.trouble = () => new Response('<h1>Bad gateway</h1>', { status: 502 });
  await clock.pass(3);
  assert.equal(one.getState().status, 'reconnecting');
});

test('a snapshot whose accounts could not be read is read again', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  clock.chance = 1;
  server.trouble = (path) => (path === '/v1/accounts' ? broken() : undefined);
  one.start();
  await settle();
  assert.equal(one.getState().snapshot, null);
  server.trouble = null;
  await clock.pass(1);
  assert.equal(one.getState().accounts?.length, 1);
});

test('it stops on 401 and 403, forgets the snapshot, and says why', async (t) => {
  /** @type {[number, string | undefined, string][]} */
  const cases = [
    [401, 'expired', 'expired'],
    [401, 'revoked', 'revoked'],
    [401, 'deactivated', 'deactivated'],
    [401, 'invalid', 'invalid'],
    [401, undefined, 'invalid'],
    [403, undefined, 'forbidden'],
  ];
  for (const [status, reason, said] of cases) {
    const { clock, server, poller } = stage(t);
    const one = poller();
    one.start();
    await clock.pass(1);
    server.trouble = () => refusal(status, { reason });
    await clock.pass(60);
    assert.equal(server.polls.length, 2);
    const signedOut = {
      status: 'signed-out',
      reason: said,
      snapshot: null,
      accounts: null,
      orgs: null,
    };
    assert.deepEqual(one.getState(), signedOut);
    assert.equal(one.checkedAt, null);
    server.trouble = null;
    one.start(); // with a token that was got since
    await clock.pass(0);
    assert.equal(one.getState().status, 'live');
    assert.equal(one.getState().reason, null);
  }
});

test('without a token it asks nothing', async (t) => {
  const { clock, server, poller } = stage(t);
  for (const getToken of [() => null, () => undefined, async () => '']) {
    const one = poller({ getToken });
    one.start();
    await clock.pass(5);
    assert.equal(one.getState().reason, 'missing');
  }
  assert.equal(server.requests.length, 0);
});

test('a getToken that fails is asked again, with rests', async (t) => {
  const { clock, poller } = stage(t);
  let asked = 0;
  clock.chance = 1;
  const one = poller({ getToken: () => (asked++, Promise.reject(new Error('away'))) });
  one.start();
  await clock.pass(10);
  assert.equal(asked, 4); // at 0, 1, 3 and 7 s
  assert.equal(one.getState().status, 'reconnecting');
});

test('a getToken that never answers is given up too', async (t) => {
  const { clock, poller } = stage(t);
  clock.chance = 1;
  /** @type {string | Promise<string>} */
  let token = 'opaque';
  const one = poller({ getToken: () => token });
  one.start();
  await clock.pass(1);
  assert.equal(one.getState().status, 'live');
  token = new Promise(() => {});
  await clock.pass(12);
  assert.equal(one.getState().status, 'reconnecting');
  token = 'opaque';
  await clock.pass(12);
  assert.equal(one.getState().status, 'live');
});

test('signing out evicts the cached snapshot, without a token', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  one.start();
  await clock.pass(1);
  await one.signOut();
  const last = server.requests.at(-1);
  assert.deepEqual([last?.path, last?.cache, last?.headers], ['/v1/presence', 'reload', {}]);
  await clock.pass(60);
  assert.equal(server.polls.length, 2);
  assert.equal(one.getState().reason, 'signed_out');
  assert.equal(one.getState().snapshot, null);
});
