import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tab } from './browser.js';
import { bearerOf, refusal, settle, stage, tokenOf } from './support.js';

/** @import { TestContext } from 'node:test' */
/** @import { PresencePoller } from '../src/index.js' */
/** @import { PollerOptions } from '../src/types.js' */

/**
 * So many visible tabs with a poller each, started.
 *
 * @param {TestContext} t
 * @param {number} count
 */
async function browser(t, count) {
  const { locks, poller, ...rest } = stage(t);
  /** @param {Partial<PollerOptions>} [options] */
  const open = async (options = {}) => {
    const scope = new Tab(locks);
    const made = poller({ scope, ...options });
    made.start();
    await settle();
    return { scope, poller: made };
  };
  const tabs = [];
  for (let index = 0; index < count; index++) tabs.push(await open());
  return { ...rest, tabs, open };
}

/** @param {{poller: PresencePoller}[]} tabs */
const states = (tabs) => tabs.map(({ poller }) => poller.getState());

test('five tabs make one stream of polls, and all know the same', async (t) => {
  const { clock, server, tabs } = await browser(t, 5);
  server.requests.length = 0;
  await clock.pass(20);
  assert.equal(server.requests.length, 10);
  server.change();
  await clock.pass(2);
  for (const state of states(tabs)) assert.deepEqual(state, tabs[0].poller.getState());
  assert.equal(tabs[4].poller.getState().snapshot?.version, 2);
  assert.equal(tabs[4].poller.checkedAt, tabs[0].poller.checkedAt);
});

test('what did not change is told to no tab’s listeners', async (t) => {
  const { clock, tabs } = await browser(t, 3);
  await clock.pass(2);
  const before = tabs.map(({ poller }) => poller.changes);
  tabs[1].scope.tell('focus'); // the leader tells all that it has
  await clock.pass(20);
  assert.deepEqual(
    tabs.map(({ poller }) => poller.changes),
    before,
  );
});

test('a leader that is closed hands over, and the successor keeps the tag', async (t) => {
  const { clock, server, tabs } = await browser(t, 2);
  await clock.pass(1);
  tabs[0].poller.stop();
  server.requests.length = 0;
  await clock.pass(5);
  assert.ok(server.polls.length >= 2);
  assert.equal(server.polls[0].headers['If-None-Match'], server.etag);
  assert.equal(tabs[1].poller.getState().status, 'live');
});

test('a leader that is hidden hands over to a visible tab, and follows on', async (t) => {
  const { clock, server, tabs } = await browser(t, 2);
  tabs[0].scope.hide();
  await clock.pass(1);
  server.requests.length = 0;
  server.change();
  await clock.pass(10);
  assert.equal(server.polls.length, 5);
  assert.equal(tabs[0].poller.getState().snapshot?.version, 2);
});

test('with all tabs hidden nobody polls, and the first that is shown polls at once', async (t) => {
  const { clock, server, tabs } = await browser(t, 3);
  for (const { scope } of tabs) scope.hide();
  await clock.pass(0);
  server.requests.length = 0;
  server.change();
  await clock.pass(600);
  assert.equal(server.requests.length, 0);
  tabs[2].scope.show();
  await settle();
  assert.equal(server.polls.length, 1);
  for (const state of states(tabs)) assert.equal(state.snapshot?.version, 2);
  await clock.pass(10);
  assert.equal(server.polls.length, 6);
});

test('without sharing a hidden page pauses too', async (t) => {
  const { clock, server, poller } = stage(t);
  const scope = new Tab();
  const one = poller({ scope, share: false, wait: 25 });
  one.start();
  await clock.pass(3);
  assert.equal(server.open, 1);
  scope.hide();
  await settle();
  assert.equal(server.open, 0); // the held request too
  server.requests.length = 0;
  server.change();
  await clock.pass(600);
  assert.equal(server.requests.length, 0);
  scope.show();
  await settle();
  assert.equal(one.getState().snapshot?.version, 2);
});

test('focus and refresh in any tab make the leader poll at once', async (t) => {
  const { clock, server, tabs } = await browser(t, 2);
  await clock.pass(1);
  for (const act of [
    () => tabs[1].scope.tell('focus'),
    () => tabs[1].poller.refresh(5),
    () => tabs[0].scope.tell('focus'),
  ]) {
    server.requests.length = 0;
    act();
    await settle();
    assert.equal(server.polls.length, 1);
    if (act.toString().includes('refresh')) {
      assert.equal(server.polls[0].headers['Presence-Min-Version'], '5');
    }
  }
});

test('a tab that comes later knows at once what the others know, and how it stands', async (t) => {
  const { clock, server, tabs, open } = await browser(t, 1);
  await clock.pass(1);
  clock.chance = 1;
  server.trouble = () => Promise.reject(new TypeError('fetch failed'));
  await clock.pass(2);
  const late = await open();
  await clock.pass(0);
  assert.equal(late.poller.getState().status, 'reconnecting');
  assert.equal(late.poller.getState().snapshot?.version, 1);
  server.trouble = null;
  tabs[0].scope.tell('online');
  await settle();
  assert.equal(late.poller.getState().status, 'live');
});

test('a revoked member is signed out in all tabs, a token that ended in its own', async (t) => {
  for (const [reason, signedOut] of /** @type {const} */ ([
    ['revoked', 3],
    ['deactivated', 3],
    ['expired', 1],
  ])) {
    const { clock, server, tabs } = await browser(t, 3);
    const refused = [];
    server.trouble = (_path, { Authorization }) => {
      if (reason === 'expired' && refused.length > 0) return;
      refused.push(Authorization);
      return refusal(401, { reason });
    };
    await clock.pass(10);
    const out = states(tabs).filter(({ status }) => status === 'signed-out');
    assert.equal(out.length, signedOut, reason);
    for (const state of out) assert.equal(state.snapshot, null);
    assert.equal(refused.length, 1);
  }
});

test('a tab whose code is for one account shares with no other of the member', async (t) => {
  const { clock, server, open } = await browser(t, 1);
  await clock.pass(1);
  const token = tokenOf('ana', { acct: 'acme' });
  await open({ getToken: () => token });
  assert.equal(bearerOf(server.polls.at(-1)), token); // it asks for itself
});

test('a tab with a token of after the revoking stays signed in', async (t) => {
  const { clock, server, tabs, open } = await browser(t, 2);
  tabs[1].scope.hide();
  await settle();
  server.trouble = (_path, { Authorization }) => {
    if (!Authorization.endsWith(token)) return refusal(401, { reason: 'revoked' });
  };
  const token = tokenOf('ana', { gen: 1 });
  const renewed = await open({ getToken: () => token });
  renewed.scope.hide();
  await clock.pass(10); // the first tab leads, and is refused
  assert.deepEqual(
    states(tabs).map(({ reason }) => reason),
    ['revoked', 'revoked'],
  );
  assert.equal(renewed.poller.getState().status, 'live');
  renewed.scope.show();
  server.change();
  await clock.pass(2);
  assert.equal(renewed.poller.getState().snapshot?.version, 2);
});

test('a visible tab polls for itself while the leader hangs, and until it speaks', async (t) => {
  for (const wait of [0, 25]) {
    const { clock, server, locks, poller } = stage(t);
    // A dialog stops its timers, and what it is told waits.
    const hung = { until: Promise.resolve() };
    const leader = poller({
      wait,
      scope: new Tab(locks),
      clock: {
        now: clock.now,
        random: clock.random,
        clearTimeout: clock.clearTimeout,
        setTimeout: (then, ms) => clock.setTimeout(() => hung.until.then(then), ms),
      },
      getToken: () => hung.until.then(() => tokenOf('ana')),
    });
    const scope = new Tab(locks);
    const one = poller({ wait, scope });
    leader.start();
    await settle();
    one.start();
    await clock.pass(1);
    /** @type {() => void} */
    let goOn = () => assert.fail('it does not hang');
    hung.until = new Promise((resolve) => (goOn = resolve));
    server.change();
    await clock.pass(20 + 1.5 * wait);
    server.change();
    await clock.pass(2);
    assert.deepEqual([one.getState().status, one.getState().snapshot?.version], ['live', 3]);

    server.trouble = () => Promise.reject(new TypeError('fetch failed'));
    server.change(); // ends what is held
    clock.chance = 1;
    await clock.pass(3);
    assert.equal(one.getState().status, 'reconnecting');

    server.trouble = null;
    goOn();
    await clock.pass(30);
    assert.deepEqual(one.getState(), leader.getState());
    assert.equal(one.getState().status, 'live');
    server.requests.length = 0;
    await clock.pass(10);
    if (!wait) assert.equal(server.polls.length, 5);
  }
});

test('a leader that rests as long as the server wants does not count as hung', async (t) => {
  const { clock, server, tabs } = await browser(t, 2);
  server.interval = 60;
  await clock.pass(10);
  server.requests.length = 0;
  await clock.pass(600);
  assert.equal(server.polls.length, 10);
  server.trouble = () => refusal(503, {}, { 'Retry-After': '120' });
  server.requests.length = 0;
  await clock.pass(600);
  assert.equal(server.polls.length, 5);
  assert.equal(tabs[1].poller.getState().status, 'reconnecting');
});

test('signing out is for all tabs', async (t) => {
  const { clock, server, tabs } = await browser(t, 3);
  await tabs[1].poller.signOut();
  await settle();
  for (const state of states(tabs)) {
    assert.deepEqual(
      [state.status, state.reason, state.snapshot],
      ['signed-out', 'signed_out', null],
    );
  }
  server.requests.length = 0;
  await clock.pass(60);
  assert.equal(server.requests.length, 0);
});

test('tabs of two members share nothing', async (t) => {
  const { clock, server, open } = await browser(t, 1);
  const other = await open({ getToken: () => tokenOf('ben') });
  server.requests.length = 0;
  await clock.pass(10);
  assert.equal(server.polls.length, 10);
  await other.poller.signOut();
  server.requests.length = 0;
  await clock.pass(10);
  assert.equal(server.polls.length, 5);
});

test('a browser that refuses the lock leaves each tab to itself', async (t) => {
  const { clock, server, poller } = stage(t);
  const scope = new Tab({ request: () => Promise.reject(new DOMException('', 'SecurityError')) });
  poller({ scope }).start();
  await clock.pass(10);
  assert.equal(server.polls.length, 6);
});
