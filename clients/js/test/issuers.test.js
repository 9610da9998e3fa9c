/** Tokens of a trusted issuer, which the page gets and renews elsewhere. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tab } from './browser.js';
import { bearerOf, issuersTokenOf, refusal, START, settle, stage } from './support.js';

/** @import { Clock, Fields } from './support.js' */

const HOUR = 3600;
const NORTH = 'e7a1c1de-0000-4000-8000-000000000001';
const ORGS = [
  { id: NORTH, name: 'North Books' },
  { id: 'e7a1c1de-0000-4000-8000-000000000002', name: 'South Ledger' },
];

/**
 * As `supabase.auth.getSession()`: the session's token, another one when the hour is nearly over.
 *
 * @param {Clock} clock
 */
function supabaseAt(clock) {
  let iat = START / 1000;
  return async () => {
    await settle();
    if (clock.time / 1000 > iat + HOUR - 90) iat = Math.floor(clock.time / 1000);
    return { data: { session: { access_token: issuersTokenOf('ana', { iat }) } } };
  };
}

test('the app’s sessions are all it takes: refreshed tokens keep their 304s', async (t) => {
  const { clock, server, poller } = stage(t);
  server.interval = 60;
  const getSession = supabaseAt(clock);
  const one = poller({ getToken: async () => (await getSession()).data.session?.access_token });
  one.start();
  await clock.pass(3 * HOUR);
  assert.equal(one.getState().status, 'live');
  assert.equal(one.changes, 1);
  assert.equal(new Set(server.polls.map(bearerOf)).size, 4);
  const [first, ...others] = server.polls;
  assert.equal(first.headers['If-None-Match'], undefined);
  for (const { headers } of others) assert.equal(headers['If-None-Match'], server.etag);
  const paths = new Set(server.requests.map(({ path }) => path));
  assert.deepEqual([...paths], ['/v1/presence', '/v1/accounts']); // renewed by its issuer alone
});

test('the org is named in every call, and may be chosen later', async (t) => {
  const { clock, server, poller } = stage(t);
  const token = issuersTokenOf('sam');
  server.trouble = (_path, headers) => {
    if (headers['Presence-Org']) return;
    return refusal(422, { code: 'org_required', orgs: ORGS });
  };
  /** @type {string | null} */
  let chosen = null;
  const one = poller({ getToken: () => token, org: () => chosen });
  one.start();
  await clock.pass(10);
  assert.deepEqual(one.getState(), {
    status: 'signed-out',
    reason: 'org_required',
    snapshot: null,
    accounts: null,
    orgs: ORGS,
  });
  assert.equal(server.requests.length, 1);
  chosen = NORTH;
  one.start();
  await clock.pass(1);
  assert.equal(one.getState().status, 'live');
  assert.equal(one.getState().orgs, null);
  for (const { headers } of server.requests.slice(1)) {
    assert.equal(headers['Presence-Org'], NORTH);
  }
});

test('a 422 that names no orgs is no choice', async (t) => {
  const { clock, server, poller } = stage(t);
  clock.chance = 1;
  for (const orgs of [undefined, 'North Books', [{ id: NORTH }]]) {
    server.trouble = () => refusal(422, { code: 'org_required', orgs });
    const one = poller({ getToken: () => issuersTokenOf('sam') });
    one.start();
    await clock.pass(1);
    assert.equal(one.getState().status, 'reconnecting');
    one.stop();
  }
});

test('another org is begun from nothing', async (t) => {
  const { clock, server, poller } = stage(t);
  let org = NORTH;
  const one = poller({ getToken: () => issuersTokenOf('sam'), org: () => org });
  one.start();
  await clock.pass(1);
  server.trouble = () => new Promise(() => {});
  org = ORGS[1].id;
  await clock.pass(2);
  assert.equal(one.getState().snapshot, null);
  assert.equal(server.polls.at(-1)?.headers['If-None-Match'], undefined);
});

test('another user of the same issuer starts from nothing', async (t) => {
  const { clock, server, poller } = stage(t);
  let user = 'ana';
  const one = poller({ getToken: () => issuersTokenOf(user) });
  one.start();
  await clock.pass(1);
  server.trouble = () => new Promise(() => {});
  user = 'ben';
  await clock.pass(2);
  assert.equal(one.getState().snapshot, null);
});

test('a refused token is asked for again, once', async (t) => {
  const [old, fresh] = [0, 60].map((later) => issuersTokenOf('ana', { iat: START / 1000 + later }));
  for (const { given, accepted, status, bearers } of [
    { given: [old, fresh], accepted: fresh, status: 'live', bearers: [old, fresh] },
    { given: [old, old], accepted: fresh, status: 'signed-out', bearers: [old] },
    { given: [old, fresh], accepted: '', status: 'signed-out', bearers: [old, fresh] },
    { given: [old, null], accepted: fresh, status: 'signed-out', bearers: [old] },
  ]) {
    const { clock, server, poller } = stage(t);
    server.trouble = (_path, { Authorization }) => {
      if (Authorization !== `Bearer ${accepted}`) return refusal(401, { reason: 'expired' });
    };
    let asked = 0;
    const one = poller({ getToken: () => given[Math.min(asked++, given.length - 1)] });
    one.start();
    await clock.pass(0.5);
    const { reason, ...state } = one.getState();
    assert.equal(state.status, status);
    assert.equal(reason, status === 'live' ? null : 'expired');
    assert.deepEqual(server.polls.map(bearerOf), bearers);
  }
});

test('it is asked for again each time that one is refused after an answer', async (t) => {
  const { clock, server, poller } = stage(t);
  let iat = START / 1000;
  let isStale = false;
  server.trouble = () => {
    if (!isStale) return;
    isStale = false;
    iat += 60;
    return refusal(401, { reason: 'revoked' });
  };
  const one = poller({ getToken: () => issuersTokenOf('ana', { iat }) });
  one.start();
  for (let turn = 0; turn < 3; turn++) {
    await clock.pass(10);
    isStale = true;
  }
  await clock.pass(10);
  assert.equal(one.getState().status, 'live');
});

test('without a token one is signed out, without a question', async (t) => {
  for (const nothing of [undefined, null, '']) {
    const { clock, server, poller } = stage(t);
    const one = poller({ getToken: async () => nothing });
    one.start();
    await clock.pass(10);
    assert.equal(one.getState().status, 'signed-out');
    assert.equal(one.getState().reason, 'missing');
    assert.equal(server.requests.length, 0);
  }
});

test('a token that can’t be had now is tried for again', async (t) => {
  const { clock, poller } = stage(t);
  clock.chance = 1;
  let isAway = true;
  const getToken = async () => {
    if (isAway) throw new Error('the issuer is away');
    return issuersTokenOf('ana');
  };
  const one = poller({ getToken });
  one.start();
  await clock.pass(1);
  assert.equal(one.getState().status, 'reconnecting');
  isAway = false;
  await clock.pass(10);
  assert.equal(one.getState().status, 'live');
});

test('signing out asks the server nothing, and stops all tabs', async (t) => {
  const { clock, server, locks, poller } = stage(t);
  const tabs = [0, 60].map((later) => {
    const token = issuersTokenOf('ana', { iat: START / 1000 + later });
    const tab = poller({ getToken: () => token, scope: new Tab(locks) });
    tab.start();
    return tab;
  });
  await clock.pass(2);
  const told = await tabs[0].signOut();
  await settle();
  assert.equal(told, false); // it stays valid until it expires
  assert.equal(server.asked('/v1/sessions/current').length, 0);
  for (const tab of tabs) assert.equal(tab.getState().reason, 'signed_out');
});

test('tabs share one poller over refreshed tokens, and not with another user', async (t) => {
  const { clock, server, locks, poller } = stage(t);
  server.interval = 60;
  const getSession = supabaseAt(clock);
  const getToken = async () => (await getSession()).data.session.access_token;
  const [leader, follower] = [0, 1].map(() => {
    const tab = poller({ getToken, scope: new Tab(locks) });
    tab.start();
    return tab;
  });
  await clock.pass(2 * HOUR);
  assert.deepEqual(follower.getState(), leader.getState());
  assert.equal(follower.getState().status, 'live');
  assert.ok(server.polls.length <= 122);
  const before = server.polls.length;
  const ben = poller({
    getToken: () => issuersTokenOf('ben', { iat: clock.time / 1000 }),
    scope: new Tab(locks),
  });
  ben.start();
  await clock.pass(1);
  assert.equal(server.polls.length, before + 1);
});

test('what is revoked stops the tabs with that token, and those with a later one go on', async (t) => {
  const { clock, server, locks, poller } = stage(t);
  const [old, fresh] = [0, 60].map((later) => issuersTokenOf('ana', { iat: START / 1000 + later }));
  server.trouble = (_path, { Authorization }) => {
    if (Authorization === `Bearer ${old}`) return refusal(401, { reason: 'revoked' });
  };
  const [first, second] = [old, fresh].map((token) => {
    const tab = poller({ getToken: () => token, scope: new Tab(locks) });
    tab.start();
    return tab;
  });
  await clock.pass(10);
  assert.equal(first.getState().reason, 'revoked');
  assert.equal(second.getState().status, 'live');
});
