/** @import { Answering } from './support.js' */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { recordOf } from '../lib/state.js';
import { broken, MINUTE, onTheClock, problem, signedIn, tokenOf } from './support.js';

test('401 keeps the queue and asks to sign in', async () => {
  const { controller, server, chrome, click, pass } = await onTheClock();
  server.trouble = () => problem(401, 'not_authenticated', { reason: 'revoked' });
  await controller.clockOut(click());
  assert.equal(chrome.record.queue.length, 1);
  assert.equal(chrome.kept, null);
  assert.equal(chrome.state.signedOut, 'revoked');
  server.requests.length = 0;
  await pass(10);
  assert.deepEqual(server.requests, []);
  server.trouble = () => undefined;
  await controller.signIn({ code: 'ana', keep: false });
  assert.equal(server.asked('/v1/clock-out').length, 1);
  assert.deepEqual(chrome.record.queue, []);
  assert.equal(chrome.state.signedOut, null);
});

test('a token is renewed at half its life, so that a long shift goes on', async () => {
  const { server, pass, chrome } = await onTheClock();
  const first = chrome.token;
  await pass(359);
  assert.equal(chrome.token, first);
  await pass(2);
  const [renewal] = server.asked('/v1/sessions/renew');
  assert.equal(renewal.headers.Authorization, `Bearer ${first}`);
  await pass(23 * 60);
  assert.equal(server.asked('/v1/sessions/renew').length, 4);
  assert.equal(server.requests.at(-1)?.headers.Authorization, `Bearer ${chrome.token}`);
  assert.equal(chrome.record.presence?.account.id, 'acme');
});

test('a renewed token stays where the old one was', async () => {
  const { controller, chrome, pass } = await onTheClock();
  await controller.setKeep({ keep: true });
  assert.equal(chrome.lasting, true);
  await pass(361);
  assert.equal(chrome.lasting, true);
  await controller.setKeep({ keep: false });
  assert.equal(chrome.lasting, false);
});

for (const [name, refusal] of /** @type {[string, () => Response | Promise<Response>][]} */ ([
  ['cannot be reached', broken],
  ['refuses', () => problem(401, 'not_authenticated', { reason: 'expired' })],
])) {
  test(`where the server ${name} to renew, the old token serves on and it tries again`, async () => {
    const { server, chrome, pass } = await onTheClock();
    const first = chrome.token;
    server.trouble = (path) => (path === '/v1/sessions/renew' ? refusal() : undefined);
    await pass(500);
    assert.equal(server.asked('/v1/sessions/renew').length, 1);
    assert.equal(server.requests.at(-1)?.path, '/v1/heartbeat');
    server.trouble = () => undefined;
    await pass(50);
    assert.equal(server.asked('/v1/sessions/renew').length, 2);
    assert.notEqual(chrome.token, first);
  });
}

test('a wrong code says so and changes nothing', async () => {
  const { controller, server, chrome } = await onTheClock();
  const before = structuredClone(chrome.state);
  for (const answer of [
    problem(401, 'access_code_rejected'),
    problem(429, 'too_many_attempts', {}, { 'Retry-After': '42' }),
  ]) {
    server.trouble = () => answer;
    await assert.rejects(controller.signIn({ code: 'wrong', keep: true }), {
      status: answer.status,
    });
  }
  assert.deepEqual(chrome.state, before);
  assert.notEqual(chrome.kept, null);
});

test('a code is kept nowhere', async () => {
  const { controller, chrome } = await signedIn();
  await controller.signIn({ code: 'K7QF-9TWM-2XHP', keep: true });
  const { id, name } = chrome.record.member;
  assert.deepEqual([id, name], ['K7QF-9TWM-2XHP', 'K7QF-9TWM-2XHP']); // this server's way
  const rest = JSON.stringify({ ...chrome.record, member: null });
  assert.ok(!rest.includes('K7QF'));
});

test('who signs out while on the clock is clocked out', async () => {
  const { controller, server, chrome, click } = await onTheClock();
  await controller.signOut(click());
  assert.equal(server.asked('/v1/clock-out').length, 1);
  assert.equal(chrome.kept, null);
  assert.equal(recordOf(chrome.state), null);
});

for (const leave of /** @type {const} */ (['signOut', 'setServer', 'forget'])) {
  test(`a token that is renewed meanwhile does not outlive ${leave}`, async () => {
    const { controller, server, chrome, click, clock } = await signedIn();
    /** @type {Answering | undefined} */
    let renew;
    server.trouble = (path) =>
      path === '/v1/sessions/renew' ? new Promise((resolve) => (renew = resolve)) : undefined;
    const { storage } = chrome.outside;
    const { setSession } = storage;
    // The renewal is asked for just before the session is removed, and answered just after.
    storage.setSession = async (session, keep) => {
      if (session) return setSession(session, keep);
      clock.time += 361 * MINUTE;
      void controller.look();
      while (!renew) await new Promise(setImmediate);
      await setSession(null, keep);
      renew(undefined);
      await new Promise(setImmediate);
    };
    await controller[leave]({ ...click(), server: 'https://other.example' });
    await new Promise(setImmediate);
    assert.equal(chrome.kept, null);
    assert.equal(chrome.state.who, null);
  });
}

test('a token for one account says which', async () => {
  const { controller, server, chrome } = await signedIn();
  server.trouble = () =>
    Response.json({ ...server.session('ana'), token: tokenOf('ana', { acct: 'acme' }) });
  await controller.signIn({ code: 'ana', keep: false });
  assert.equal(chrome.record.bound, 'acme');
});
