import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bearerOf, refusal, settle, stage, tokenOf } from './support.js';

const HALF = 21_600; // seconds, of a token's life
const RENEW = '/v1/sessions/renew';

/** @import { Session } from '../src/types.js' */

test('a token is renewed at half its life, and kept', async (t) => {
  const { clock, server, poller } = stage(t);
  const first = tokenOf('ana');
  let kept = first;
  /** @type {(token: string, session: Session) => void} */
  const onToken = (token, session) => {
    assert.equal(session.token, token);
    kept = token;
  };
  server.interval = 600;
  const one = poller({ getToken: () => kept, onToken });
  one.start();
  await clock.pass(HALF - 1);
  assert.equal(server.asked(RENEW).length, 0);
  await clock.pass(2);
  assert.deepEqual(server.asked(RENEW).map(bearerOf), [first]);
  assert.equal(server.asked(RENEW)[0].body, '{}');
  assert.notEqual(kept, first);
  await clock.pass(HALF - 10);
  assert.equal(bearerOf(server.polls.at(-1)), kept);
  assert.equal(server.asked(RENEW).length, 1);
  assert.equal(one.changes, 1);
});

test('nobody has to keep it: the poller goes on with the renewed one', async (t) => {
  const { clock, server, poller } = stage(t);
  server.interval = 600;
  poller().start();
  await clock.pass(4 * HALF + 10);
  const renewed = server.asked(RENEW).map(bearerOf);
  assert.equal(renewed.length, 4);
  assert.equal(new Set(renewed).size, 4);
  assert.equal(renewed[0], tokenOf('ana'));
});

test('a renewal that fails is tried after half of what is left, and polling goes on', async (t) => {
  const { clock, server, poller } = stage(t);
  server.interval = 60;
  server.trouble = (path) => (path === RENEW ? refusal(401, { reason: 'expired' }) : undefined);
  const one = poller();
  one.start();
  await clock.pass(HALF + 1);
  assert.equal(server.asked(RENEW).length, 1);
  await clock.pass(HALF / 2 - 60);
  assert.equal(server.asked(RENEW).length, 1);
  await clock.pass(120);
  assert.equal(server.asked(RENEW).length, 2);
  await clock.pass(HALF);
  assert.ok(server.asked(RENEW).length < 12);
  assert.equal(one.getState().status, 'live'); // what has ended is the server's to say
});

test('a renewal that comes after the sign-out is not kept', async (t) => {
  const { clock, server, poller } = stage(t);
  /** @type {string[]} */
  const kept = [];
  const one = poller({ onToken: (token) => kept.push(token) });
  /** @type {(answer: Response) => void} */
  let answer = () => assert.fail('nothing was asked');
  server.interval = 600;
  server.trouble = (path) => {
    if (path === RENEW) return new Promise((resolve) => (answer = resolve));
  };
  one.start();
  await clock.pass(HALF + 1);
  await one.signOut();
  answer(server.json({ token: 'late' }));
  await settle();
  assert.deepEqual(kept, []);
});

test('another member’s token starts from nothing', async (t) => {
  const { clock, server, poller } = stage(t);
  let token = tokenOf('ana');
  const one = poller({ getToken: () => token });
  one.start();
  await clock.pass(1);
  server.trouble = () => new Promise(() => {});
  token = tokenOf('ben');
  await clock.pass(2);
  assert.equal(one.getState().snapshot, null);
  assert.equal(one.getState().accounts, null);
  assert.equal(server.polls.at(-1)?.headers['If-None-Match'], undefined);
});

test('a token that is no JWT is only sent', async (t) => {
  const { clock, server, poller } = stage(t);
  for (const token of ['opaque', 'a.b.c', '..']) {
    const one = poller({ getToken: () => token });
    one.start();
    await clock.pass(10);
    assert.equal(one.getState().status, 'live');
    one.stop();
  }
  assert.equal(server.asked(RENEW).length, 0);
});
