import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tab } from './browser.js';
import { bearerOf, refusal, settle, stage, tokenOf } from './support.js';

const END = '/v1/sessions/current';

/** @import { TestContext } from 'node:test' */
/** @import { Trouble } from './support.js' */

/**
 * Visible tabs of one member, each with the session that is named; the first leads.
 *
 * @param {TestContext} t
 * @param {string[]} sids
 */
async function browser(t, ...sids) {
  const { locks, poller, ...rest } = stage(t);
  const tabs = [];
  for (const sid of sids) {
    const scope = new Tab(locks);
    const made = poller({ scope, getToken: () => tokenOf('ana', { sid }) });
    made.start();
    await settle();
    tabs.push({ sid, scope, poller: made });
  }
  await rest.clock.pass(1);
  return { ...rest, tabs };
}

test('signing out ends the session at the server, as the page’s last word if need be', async (t) => {
  const { server, tabs } = await browser(t, 's1');
  assert.equal(await tabs[0].poller.signOut(), true);
  const [{ method, headers }] = server.asked(END);
  assert.deepEqual(
    [method, headers],
    ['DELETE', { Authorization: `Bearer ${tokenOf('ana', { sid: 's1' })}` }],
  );
  assert.equal(server.requests.at(-1)?.cache, 'reload');
});

test('without a network one is signed out all the same, and told that the server is not', async (t) => {
  /** @type {[Trouble, boolean][]} */
  const cases = [
    [() => Promise.reject(new TypeError('fetch failed')), false],
    [() => new Response('<h1>Sign on</h1>', { status: 401 }), false],
    [() => refusal(503, { code: 'database_unavailable' }), false],
    [() => refusal(401, { code: 'not_authenticated', reason: 'expired' }), true],
    [() => refusal(403, { code: 'no_session' }), true],
    [() => undefined, true],
  ];
  for (const [trouble, told] of cases) {
    const { server, tabs } = await browser(t, 's1');
    server.trouble = trouble;
    const out = tabs[0].poller.signOut();
    const { status, reason, snapshot } = tabs[0].poller.getState();
    assert.deepEqual([status, reason, snapshot], ['signed-out', 'signed_out', null]);
    assert.equal(await out, told);
  }
});

test('other tabs are signed out too, each ending a session of its own', async (t) => {
  const { server, tabs } = await browser(t, 's1', 's1', 's2');
  await tabs[0].poller.signOut();
  await settle();
  for (const { poller } of tabs) assert.equal(poller.getState().reason, 'signed_out');
  const ended = server.asked(END).map(bearerOf).sort();
  assert.deepEqual(ended, ['s1', 's2'].map((sid) => tokenOf('ana', { sid })).sort());
});

for (const reason of ['revoked', 'signed_out']) {
  test(`a session that the server ended (${reason}) takes no other with it`, async (t) => {
    const { clock, server, tabs } = await browser(t, 's1', 's1', 's2');
    const ended = tokenOf('ana', { sid: 's1' });
    server.trouble = (_path, headers) =>
      headers.Authorization?.endsWith(ended)
        ? refusal(401, { code: 'not_authenticated', reason })
        : undefined;
    await clock.pass(10);
    assert.deepEqual(
      tabs.map(({ poller }) => poller.getState().status),
      ['signed-out', 'signed-out', 'live'],
    );
    assert.deepEqual(server.asked(END), []);
    server.change();
    await clock.pass(3);
    assert.equal(tabs[2].poller.getState().snapshot?.version, 2);
  });
}

test('where all sessions ended, a hidden tab of another session finds out by itself', async (t) => {
  const { clock, server, tabs } = await browser(t, 's1', 's2');
  tabs[1].scope.hide();
  await settle();
  let away = true;
  server.trouble = (_path, { Authorization }) => {
    const isHidden = Authorization?.endsWith(tokenOf('ana', { sid: 's2' }));
    if (isHidden && away) return Promise.reject(new TypeError('fetch failed'));
    return refusal(401, { code: 'not_authenticated', reason: 'revoked' });
  };
  clock.chance = 1;
  await clock.pass(4);
  assert.equal(tabs[0].poller.getState().reason, 'revoked');
  away = false;
  await clock.pass(20);
  const { status, reason, snapshot } = tabs[1].poller.getState();
  assert.deepEqual([status, reason, snapshot], ['signed-out', 'revoked', null]);
});

test('a hidden tab whose session goes on asks once', async (t) => {
  const { clock, server, tabs } = await browser(t, 's1', 's2');
  tabs[1].scope.hide();
  await settle();
  const ended = tokenOf('ana', { sid: 's1' });
  server.trouble = (_path, { Authorization }) =>
    Authorization?.endsWith(ended)
      ? refusal(401, { code: 'not_authenticated', reason: 'signed_out' })
      : undefined;
  server.requests.length = 0;
  await clock.pass(60);
  assert.equal(tabs[1].poller.getState().status, 'live');
  assert.equal(server.polls.filter((one) => bearerOf(one) !== ended).length, 1);
});

test('a deactivated member is signed out in all tabs, whatever their sessions', async (t) => {
  const { clock, server, tabs } = await browser(t, 's1', 's2');
  server.trouble = () => refusal(401, { code: 'not_authenticated', reason: 'deactivated' });
  await clock.pass(3);
  for (const { poller } of tabs) assert.equal(poller.getState().reason, 'deactivated');
});

test('a reason that is not known is an invalid token', async (t) => {
  for (const reason of ['on_strike', 7, null, undefined]) {
    const { clock, server, tabs } = await browser(t, 's1');
    server.trouble = () => refusal(401, { code: 'not_authenticated', reason });
    await clock.pass(3);
    assert.equal(tabs[0].poller.getState().reason, 'invalid');
  }
});
