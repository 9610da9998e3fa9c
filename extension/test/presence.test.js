import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ACME, BIRCH, broken, iso, MINUTE, problem, START, signedIn, tokenOf } from './support.js';

/** Ana on Acme Dental. */
async function onTheClock() {
  const stage = await signedIn();
  await stage.controller.clockIn({ ...stage.click(), account: ACME });
  stage.server.requests.length = 0;
  return stage;
}

test('heartbeats go at the interval that the server says', async () => {
  const { server, pass, chrome } = await onTheClock();
  await pass(9);
  assert.equal(server.asked('/v1/heartbeat').length, 12);
  assert.deepEqual(server.requests[0].body, { presence_id: chrome.record.presence.id });
});

test('never more often than Chrome’s alarms can be', async () => {
  const { controller, server, chrome, click } = await signedIn();
  server.heartbeat = 5;
  await controller.signIn({ code: 'ana', keep: false });
  await controller.clockIn({ ...click(), account: ACME });
  assert.equal(chrome.alarm, 30);
});

for (const interval of [90, 400, 3600]) {
  test(`with a heartbeat every ${interval} s, input is looked for each minute`, async () => {
    const { controller, server, chrome, click, pass } = await signedIn();
    server.heartbeat = interval;
    await controller.signIn({ code: 'ana', keep: false });
    await controller.clockIn({ ...click(), account: ACME });
    server.requests.length = 0;
    await pass(121, 'active');
    assert.ok(chrome.alarm <= 60);
    assert.deepEqual(chrome.notes, []);
    assert.deepEqual(server.asked('/v1/clock-out'), []);
    assert.equal(server.asked('/v1/heartbeat').length, Math.floor((121 * 60) / interval));
    await pass(61, 'idle');
    assert.deepEqual(chrome.notes[0], ['ask', 'Acme Dental']);
    const [{ body, at }] = server.asked('/v1/clock-out');
    assert.equal(body.occurred_at, iso(at));
  });
}

for (const minutes of [5, 60, 600]) {
  test(`a clock set back by ${minutes} minutes holds up no heartbeat`, async () => {
    const { clock, server, pass } = await onTheClock();
    await pass(9);
    server.requests.length = 0;
    clock.time -= minutes * MINUTE;
    await pass(9);
    assert.equal(server.asked('/v1/heartbeat').length, 12);
  });

  test(`nor a renewed try, which still waits as long as the server says: ${minutes}`, async () => {
    const { clock, server, pass } = await onTheClock();
    server.trouble = () => problem(503, 'database_unavailable', {}, { 'Retry-After': '36000' });
    await pass(1);
    clock.time -= minutes * MINUTE;
    await pass(1);
    assert.equal(server.asked('/v1/heartbeat').length, 2);
    await pass(9);
    assert.equal(server.asked('/v1/heartbeat').length, 2);
  });
}

test('nor the renewal of a token', async () => {
  const { clock, server, pass } = await onTheClock();
  clock.time -= 600 * MINUTE;
  await pass(1);
  assert.equal(server.asked('/v1/sessions/renew').length, 1);
  await pass(300);
  assert.equal(server.asked('/v1/sessions/renew').length, 1);
});

test('nor the end for inactivity, behind a locked screen', async () => {
  const { clock, server, pass } = await onTheClock();
  clock.time -= 600 * MINUTE;
  await pass(59, 'locked');
  assert.deepEqual(server.asked('/v1/clock-out'), []);
  await pass(3, 'locked');
  assert.equal(server.asked('/v1/clock-out').length, 1);
});

test('off the clock there are no heartbeats, and hardly alarms', async () => {
  const { controller, server, chrome, click, pass } = await onTheClock();
  await controller.clockOut(click());
  server.requests.length = 0;
  await pass(60);
  assert.deepEqual(server.requests, []);
  assert.equal(chrome.alarm, 900);
  await controller.signOut(click());
  assert.equal(chrome.alarm, Infinity);
});

test('the alarm is there before the event is, for whoever is stopped in between', async () => {
  const { controller, chrome, click } = await signedIn();
  const order = [];
  const { alarm, storage } = chrome.outside;
  const [set, write] = [alarm.set, storage.write];
  alarm.set = async (seconds) => (order.push(seconds), set(seconds));
  storage.write = async (state) => (order.push('write'), write(state));
  await controller.clockIn({ ...click(), account: ACME });
  assert.deepEqual(order.slice(0, 2), [45, 'write']);
});

for (const reason of ['force_cleared', 'expired', 'switched', 'clocked_out', 'unknown']) {
  test(`a presence that is ${reason} is over: it says so, and never begins again`, async () => {
    const { server, chrome, pass } = await onTheClock();
    server.trouble = () => problem(410, 'presence_ended', { reason });
    await pass(1);
    assert.equal(chrome.record.presence, null);
    assert.equal(chrome.record.notice.kind, `ended_${reason}`);
    assert.deepEqual(chrome.notes, [['tell', `ended_${reason}`]]);
    server.requests.length = 0;
    await pass(120);
    assert.deepEqual(server.requests, []);
  });
}

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
  const first = chrome.kept.token;
  await pass(359);
  assert.equal(chrome.kept.token, first);
  await pass(2);
  const [renewal] = server.asked('/v1/sessions/renew');
  assert.equal(renewal.headers.Authorization, `Bearer ${first}`);
  await pass(23 * 60);
  assert.equal(server.asked('/v1/sessions/renew').length, 4);
  assert.equal(server.requests.at(-1).headers.Authorization, `Bearer ${chrome.kept.token}`);
  assert.equal(chrome.record.presence.account.id, 'acme');
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

for (const [name, refusal] of [
  ['cannot be reached', broken],
  ['refuses', () => problem(401, 'not_authenticated', { reason: 'expired' })],
]) {
  test(`where the server ${name} to renew, the old token serves on and it tries again`, async () => {
    const { server, chrome, pass } = await onTheClock();
    const first = chrome.kept.token;
    server.trouble = (path) => (path === '/v1/sessions/renew' ? refusal() : undefined);
    await pass(500);
    assert.equal(server.asked('/v1/sessions/renew').length, 1);
    assert.equal(server.requests.at(-1).path, '/v1/heartbeat');
    server.trouble = () => undefined;
    await pass(50);
    assert.equal(server.asked('/v1/sessions/renew').length, 2);
    assert.notEqual(chrome.kept.token, first);
  });
}

test('after 55 minutes without input it asks, after 60 it clocks out', async () => {
  const { server, chrome, pass } = await onTheClock();
  await pass(54, 'idle');
  assert.deepEqual(chrome.notes, []);
  await pass(2, 'idle');
  assert.deepEqual(chrome.notes, [['ask', 'Acme Dental']]);
  await pass(3, 'idle');
  assert.deepEqual(server.asked('/v1/clock-out'), []);
  await pass(2, 'idle');
  const [{ body, at }] = server.asked('/v1/clock-out');
  assert.equal(body.reason, 'inactivity');
  assert.equal(body.occurred_at, iso(at));
  assert.ok(at - START <= 61 * MINUTE);
  assert.equal(chrome.record.notice.kind, 'inactive');
  assert.deepEqual(chrome.notes, [['ask', 'Acme Dental'], ['clear'], ['tell', 'inactive']]);
  server.requests.length = 0;
  await pass(60, 'active');
  assert.deepEqual(server.requests, []);
});

test('input takes the question back, and starts the time anew', async () => {
  const { controller, server, chrome, pass } = await onTheClock();
  await pass(56, 'idle');
  await controller.idleChanged('active');
  assert.deepEqual(chrome.notes, [['ask', 'Acme Dental'], ['clear']]);
  await pass(54, 'idle');
  assert.deepEqual(server.asked('/v1/clock-out'), []);
  assert.equal(chrome.notes.length, 2);
});

test('a locked screen starts the idle clock', async () => {
  const { controller, server, pass } = await onTheClock();
  await pass(30, 'active');
  await controller.idleChanged('locked');
  await pass(61, 'locked');
  assert.equal(server.asked('/v1/clock-out').length, 1);
});

test('who works all day is never asked', async () => {
  const { server, chrome, pass } = await onTheClock();
  await pass(8 * 60, 'active');
  assert.deepEqual(chrome.notes, []);
  assert.deepEqual(server.asked('/v1/clock-out'), []);
});

test('waking after a long sleep clocks out as of the last input, even if a hand wakes it', async () => {
  const { controller, server, clock, pass } = await onTheClock();
  await pass(30, 'active');
  const seen = clock.time;
  clock.time += 180 * MINUTE;
  await controller.idleChanged('active');
  const [{ body }] = server.asked('/v1/clock-out');
  assert.deepEqual([body.reason, body.occurred_at], ['inactivity', iso(seen)]);
});

test('a short sleep ends nothing', async () => {
  const { controller, server, clock, pass } = await onTheClock();
  await pass(30, 'active');
  clock.time += 45 * MINUTE;
  await controller.idleChanged('active');
  await controller.tick();
  assert.deepEqual(server.asked('/v1/clock-out'), []);
  assert.equal(server.requests.at(-1).path, '/v1/heartbeat');
});

test('a sleep that begins after half an hour of nobody counts from the last input', async () => {
  const { controller, server, clock, pass } = await onTheClock();
  await controller.tick();
  await pass(30, 'idle');
  clock.time += 40 * MINUTE;
  await controller.idleChanged('idle');
  const [{ body }] = server.asked('/v1/clock-out');
  assert.ok(Math.abs(Date.parse(body.occurred_at) - START) <= MINUTE);
});

test('inactivity counts without a server too, and behind an unanswered clock-in', async () => {
  const { controller, server, chrome, click, pass } = await signedIn();
  server.trouble = broken;
  await controller.clockIn({ ...click(), account: ACME });
  await pass(61, 'idle');
  const [first, second] = chrome.record.queue;
  assert.equal(second.reason, 'inactivity');
  assert.equal(second.after, first.key);
  server.trouble = () => undefined;
  await controller.look();
  assert.equal(server.asked('/v1/clock-out')[0].body.reason, 'inactivity');
  assert.equal(chrome.record.notice.kind, 'inactive');
});

test('the words of inactivity stay where the server had ended it too', async () => {
  const { server, chrome, controller, clock } = await onTheClock();
  server.trouble = () => problem(410, 'presence_ended', { reason: 'expired' });
  clock.time += 180 * MINUTE;
  await controller.idleChanged('active');
  assert.equal(chrome.record.notice.kind, 'inactive');
  assert.deepEqual(chrome.record.queue, []);
});

test('a switch refused leaves the member where they were, with heartbeats', async () => {
  const { controller, server, chrome, click, pass } = await onTheClock();
  server.trouble = (path) =>
    path === '/v1/clock-in' ? problem(409, 'account_occupied') : undefined;
  await controller.clockIn({ ...click(), account: BIRCH });
  assert.equal(chrome.record.presence.account.id, 'acme');
  assert.equal(chrome.record.notice.dropped, false);
  await pass(1);
  assert.equal(server.asked('/v1/heartbeat').length, 1);
});

test('another browser’s presence is ended only when that is asked', async () => {
  const { controller, server, chrome, click, pass } = await signedIn();
  await pass(120, 'idle');
  assert.deepEqual(server.requests, []);
  await controller.clockOut({ ...click(), elsewhere: { id: 'p-other', account: BIRCH } });
  assert.equal(server.asked('/v1/clock-out')[0].body.presence_id, 'p-other');
  assert.deepEqual(chrome.record.queue, []);
});

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
  assert.equal(chrome.record, null);
});

for (const leave of ['signOut', 'setServer', 'forget']) {
  test(`a token that is renewed meanwhile does not outlive ${leave}`, async () => {
    const { controller, server, chrome, click, clock } = await signedIn();
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
      renew();
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
