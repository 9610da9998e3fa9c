/** @import { Trouble } from './support.js' */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { farewellOf } from '../lib/popup-model.js';
import { recordOf } from '../lib/state.js';
import { BIRCH, broken, onTheClock, problem, signedIn } from './support.js';

const END = '/v1/sessions/current';

test('signing out ends the session at the server, after the clock-out', async () => {
  const { controller, server, chrome, click, token } = await onTheClock();
  await controller.signOut({ ...click(), staysOn: false });
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/v1/clock-out', END],
  );
  const [{ method, headers }] = server.asked(END);
  assert.deepEqual([method, headers.Authorization], ['DELETE', `Bearer ${token}`]);
  assert.deepEqual([chrome.kept, recordOf(chrome.state), chrome.endings], [null, null, []]);
});

test('who stays clocked in is signed out, and told where they are', async () => {
  const { controller, server, chrome, click } = await onTheClock();
  await controller.signOut({ ...click(), staysOn: true });
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    [END],
  );
  assert.equal(chrome.kept, null);
  assert.deepEqual(farewellOf(chrome.state), {
    reason: 'farewell_signed_out',
    stillOn: 'Acme Dental',
  });
  await controller.signIn({ code: 'ana', keep: false });
  assert.equal(chrome.record.presence?.account.id, 'acme');
});

test('a presence that began elsewhere is ended with it too', async () => {
  const { controller, server, click } = await signedIn();
  await controller.signOut({
    ...click(),
    staysOn: false,
    elsewhere: { id: 'p-other', account: BIRCH },
  });
  assert.equal(server.asked('/v1/clock-out')[0].body.presence_id, 'p-other');
  assert.equal(server.asked(END).length, 1);
});

for (const [name, trouble] of /** @type {[string, Trouble][]} */ ([
  ['no network', broken],
  ['a sign-on page', () => new Response('<h1>Sign on</h1>', { status: 401 })],
  ['a database that is away', () => problem(503, 'database_unavailable')],
])) {
  test(`with ${name} one is signed out at once, and the server told later`, async () => {
    const { controller, server, chrome, click, pass, token } = await onTheClock();
    server.trouble = trouble;
    await controller.signOut({ ...click(), staysOn: true });
    assert.equal(chrome.kept, null);
    assert.deepEqual(
      chrome.endings.map((one) => one.token),
      [token],
    );
    assert.ok(!JSON.stringify(chrome.state).includes(token)); // which is on disk
    await pass(5);
    assert.ok(server.asked(END).length <= 8);
    server.trouble = () => undefined;
    await pass(2);
    assert.deepEqual(chrome.endings, []);
    server.requests.length = 0;
    await pass(5);
    assert.deepEqual(server.asked(END), []);
  });
}

test('it tries until the token has run out, and then sets no alarm any more', async () => {
  const { controller, server, chrome, click, pass } = await signedIn();
  server.trouble = broken;
  await controller.signOut({ ...click(), staysOn: false });
  assert.equal(chrome.alarm, 60);
  await pass(13 * 60);
  assert.deepEqual([chrome.endings, chrome.alarm], [[], Infinity]);
});

test('a session that is over already is not ended again', async () => {
  for (const answer of [
    problem(401, 'not_authenticated', { reason: 'expired' }),
    problem(403, 'no_session'),
  ]) {
    const { controller, server, chrome, click } = await signedIn();
    server.trouble = () => answer;
    await controller.signOut({ ...click(), staysOn: false });
    assert.deepEqual(chrome.endings, []);
  }
});

test('another server, and forgetting everything, end the session too', async () => {
  for (const leave of /** @type {const} */ (['setServer', 'forget'])) {
    const { controller, server, chrome } = await onTheClock();
    await controller[leave]({ server: 'https://other.example' });
    assert.equal(server.asked(END).length, 1);
    assert.deepEqual([chrome.kept, chrome.endings], [null, []]);
  }
  const { controller, server, chrome } = await onTheClock();
  server.trouble = broken;
  await controller.forget();
  assert.deepEqual(chrome.endings, []);
});
