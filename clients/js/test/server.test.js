/** Against a real server; tests/clients/test_js_client.py starts one and says where. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { call, PresencePoller, signIn } from '../src/index.js';

const url = process.env.PRESENCE_TEST_URL ?? '';
const skip = !url && 'no server: run by tests/clients/test_js_client.py';

/**
 * @import { TestContext } from 'node:test'
 * @import { PollerOptions, Session } from '../src/types.js'
 *
 * @typedef {{id: string, token: string, old_token: string, ended_token: string}} Member
 */

/** @type {{admin: {access_code: string}, va: Member, account: string}} */
const { admin, va, account } = JSON.parse(process.env.PRESENCE_TEST_WORLD ?? '{}');
const PATIENCE_MS = 20_000; // on a busy machine

/** Counts what is asked and answered. */
function recorder() {
  /** @type {string[]} */
  const seen = [];
  /** @type {typeof globalThis.fetch} */
  const fetch = async (address, init) => {
    const answer = await globalThis.fetch(address, init);
    seen.push(`${answer.status} ${new URL(String(address)).pathname}`);
    return answer;
  };
  return { seen, fetch };
}

/**
 * @param {TestContext} t
 * @param {PollerOptions} options
 */
function started(t, options) {
  const { seen, fetch } = recorder();
  const poller = new PresencePoller({ url, fetch, ...options });
  t.after(() => poller.stop());
  poller.start();
  return { seen, poller };
}

/** @param {() => unknown} condition */
async function until(condition) {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(Date.now() < end, `in vain: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a token is renewed at half its life', { skip }, async (t) => {
  /** @type {[string, string][]} */
  const kept = [];
  /** @type {(token: string, session: Session) => void} */
  const onToken = (token, session) => {
    kept.push([token, session.member.id]);
  };
  const { seen } = started(t, { getToken: () => va.old_token, onToken });
  await until(() => kept.length === 1);
  assert.notEqual(kept[0][0], va.old_token);
  assert.equal(kept[0][1], va.id);
  await until(() => seen.at(-1) === '304 /v1/presence'); // with the renewed token
});

test('a refused token says why', { skip }, async (t) => {
  for (const [token, reason] of [
    [va.ended_token, 'expired'],
    ['no.jwt.atall', 'invalid'],
  ]) {
    const { seen, poller } = started(t, { getToken: () => token });
    await until(() => poller.getState().status === 'signed-out');
    assert.equal(poller.getState().reason, reason);
    assert.deepEqual(seen, ['401 /v1/presence']);
  }
});

test('unchanged polls are 304, a clock-in shows, a revoked token signs out', {
  skip,
}, async (t) => {
  const session = await signIn(url, admin.access_code);
  const { seen, poller } = started(t, { getToken: () => session.token });
  await until(() => poller.getState().snapshot);
  assert.deepEqual(seen, ['200 /v1/presence', '200 /v1/accounts']);
  await until(() => seen.length === 4);
  assert.deepEqual(seen.slice(2), ['304 /v1/presence', '304 /v1/presence']);
  await until(() => Math.abs(poller.now() - Date.now()) < 2000); // an answer that was late is off

  const body = { account_id: account };
  const written = await call(url, 'POST', '/v1/clock-in', { token: va.token, body });
  poller.refresh(Number(written.headers.get('Presence-Version')));
  await until(() => poller.getState().snapshot?.presence.length === 1);
  assert.equal(poller.getState().snapshot?.presence[0]?.account_id, account);
  assert.ok(seen.slice(4).includes('200 /v1/presence'));

  const own = started(t, { getToken: () => va.token });
  await until(() => own.poller.getState().snapshot);
  assert.deepEqual(own.poller.getState().snapshot?.presence, [{ account_id: account }]);
  await writeFile(process.env.PRESENCE_TEST_REVOKE ?? '', va.id);
  await until(() => own.poller.getState().status === 'signed-out');
  assert.equal(own.poller.getState().reason, 'revoked');
});
