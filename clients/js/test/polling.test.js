import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tab } from './browser.js';
import { START, settle, stage } from './support.js';

test('it polls at the pace that the server says, with jitter', async (t) => {
  const { clock, server, poller } = stage(t);
  poller().start();
  await clock.pass(6.5);
  assert.deepEqual(
    server.polls.map(({ at }) => at - START),
    [0, 2000, 4000, 6000],
  );
  server.interval = 5;
  clock.chance = 0.5; // of a tenth more
  await clock.pass(1.5);
  server.requests.length = 0;
  await clock.pass(11);
  assert.deepEqual(
    server.polls.map(({ at }) => at - START),
    [8000 + 5250, 8000 + 10_500],
  );
});

test('it never has two requests under way', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  /** @type {(answer: Response | Promise<Response>) => void} */
  let release = () => assert.fail('nothing was asked');
  server.trouble = () => new Promise((resolve) => (release = resolve));
  one.start();
  one.start();
  await clock.pass(5);
  one.refresh();
  one.refresh();
  await settle();
  assert.equal(server.requests.length, 1);
  server.trouble = null;
  release(server.answer('/v1/presence', { Authorization: 'Bearer x' }));
  await clock.pass(0);
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/v1/presence', '/v1/accounts', '/v1/presence'],
  );
  assert.equal(server.mostOpen, 1);
});

test('on its own origin it sends the condition itself, and nothing is stored', async (t) => {
  for (const scope of [{}, new Tab()]) {
    const { clock, server, poller } = stage(t);
    poller({ scope }).start();
    await clock.pass(2);
    const [first, second] = server.polls;
    assert.equal(first.headers['If-None-Match'], undefined);
    assert.equal(second.headers['If-None-Match'], server.etag);
    for (const { cache, credentials } of server.requests) {
      assert.deepEqual({ cache, credentials }, { cache: 'no-store', credentials: 'same-origin' });
    }
  }
});

test('elsewhere it leaves the condition to the cache, and compares the tags', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller({ url: 'https://presence.example', scope: new Tab() });
  one.start();
  await clock.pass(20);
  assert.equal(server.polls.length, 11);
  for (const { headers, cache } of server.polls) {
    assert.deepEqual(Object.keys(headers), ['Authorization']); // else a preflight for each
    assert.equal(cache, 'default');
  }
  assert.equal(one.changes, 1);
});

test('it tells of real changes only, and the state stays the same object', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  one.start();
  await clock.pass(1);
  const state = one.getState();
  assert.equal(one.changes, 1);
  assert.equal(state.status, 'live');
  assert.ok(Object.isFrozen(state));
  await clock.pass(60);
  assert.equal(one.changes, 1);
  assert.equal(one.getState(), state);
  assert.equal(one.checkedAt, START + 60_000);
  server.change();
  await clock.pass(2);
  assert.equal(one.changes, 2);
  assert.equal(one.getState().snapshot?.version, 2);
  assert.equal(one.getState().accounts, state.accounts);
});

test('it reads the accounts again when their version moves', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  one.start();
  server.change();
  await clock.pass(10);
  server.change();
  await clock.pass(10);
  assert.equal(server.asked('/v1/accounts').length, 1);
  server.accountsVersion = server.version + 1;
  server.change();
  await clock.pass(10);
  assert.equal(server.asked('/v1/accounts').length, 2);
  assert.equal(one.changes, 3); // the accounts come with the snapshot that names them
});

test('what one listener throws keeps nothing from the others', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  /** @type {string[]} */
  const reported = [];
  const later = globalThis.queueMicrotask;
  /** @param {() => void} listener */
  const caught = (listener) =>
    later(() => {
      try {
        listener();
      } catch (error) {
        reported.push(/** @type {Error} */ (error).message);
      }
    });
  t.mock.method(globalThis, 'queueMicrotask', caught);
  let told = 0;
  one.subscribe(() => {
    throw new Error('of a page');
  });
  const leave = one.subscribe(() => told++);
  one.start();
  await clock.pass(4);
  assert.deepEqual(reported, ['of a page']);
  assert.equal(told, 1);
  leave();
  server.change();
  await clock.pass(4);
  assert.equal(told, 1);
  assert.equal(one.getState().snapshot?.version, 2);
});

test('refresh polls at once, and asks for one’s own write', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  one.start();
  await clock.pass(1);
  one.refresh(7);
  await clock.pass(2.5);
  assert.deepEqual(
    server.polls.map(({ at, headers }) => [at - START, headers['Presence-Min-Version']]),
    [
      [0, undefined],
      [1000, '7'],
      [3000, undefined],
    ],
  );
});

test('with wait the answer is held, asked for again at once, and left for a refresh', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller({ wait: 25 });
  one.start();
  await clock.pass(1);
  assert.equal(server.polls[0].headers.Prefer, undefined);
  await clock.pass(6); // no poll at 4 and 6: this one is held
  assert.equal(server.polls.length, 2);
  assert.equal(server.polls[1].headers.Prefer, 'wait=25');
  server.change();
  await clock.pass(0);
  assert.equal(one.getState().snapshot?.version, 2);
  assert.equal(server.polls.length, 3);
  one.refresh(9);
  await settle();
  assert.equal(server.polls.length, 4);
  assert.equal(server.open, 1);
  assert.equal(one.getState().status, 'live');
});

test('its clock is the server’s, as Date says, within a second', async (t) => {
  const { clock, server, poller } = stage(t);
  const right = poller();
  right.start();
  await clock.pass(5);
  assert.equal(right.now(), clock.time);
  for (const ahead of [3600, -3600]) {
    server.ahead = ahead;
    await clock.pass(2);
    const off = right.now() - clock.time - ahead * 1000;
    assert.ok(Math.abs(off) <= 1000, `${off} ms`);
  }
});

test('accounts that take long do not put its clock off', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  server.trouble = async (path, headers) => {
    if (path === '/v1/accounts')
      await new Promise((resolve) => clock.setTimeout(() => resolve(null), 9000));
    return server.answer(path, headers);
  };
  one.start();
  await clock.pass(9);
  assert.equal(one.getState().accounts?.length, 1);
  assert.equal(one.now(), clock.time);
});

test('stop ends all of it, and start goes on from there', async (t) => {
  const { clock, server, poller } = stage(t);
  const tab = new Tab();
  const one = poller({ scope: tab });
  one.start();
  await clock.pass(1);
  one.stop();
  one.stop();
  one.refresh();
  tab.tell('focus');
  await clock.pass(60);
  assert.equal(server.polls.length, 1);
  assert.equal(clock.timers.size, 0);
  assert.equal(one.getState().snapshot?.version, 1);
  one.start();
  await clock.pass(1);
  assert.equal(server.polls.length, 2);
  assert.equal(server.polls[1].headers['If-None-Match'], server.etag);
});
