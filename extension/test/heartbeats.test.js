import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ACME, BIRCH, iso, MINUTE, onTheClock, problem, signedIn } from './support.js';

test('heartbeats go at the interval that the server says', async () => {
  const { server, pass, chrome } = await onTheClock();
  await pass(9);
  assert.equal(server.asked('/v1/heartbeat').length, 12);
  assert.deepEqual(server.requests[0].body, { presence_id: chrome.record.presence?.id });
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
  /** @type {(string | number)[]} */
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
    assert.equal(chrome.record.notice?.kind, `ended_${reason}`);
    assert.deepEqual(chrome.notes, [['tell', `ended_${reason}`]]);
    server.requests.length = 0;
    await pass(120);
    assert.deepEqual(server.requests, []);
  });
}

test('a switch refused leaves the member where they were, with heartbeats', async () => {
  const { controller, server, chrome, click, pass } = await onTheClock();
  server.trouble = (path) =>
    path === '/v1/clock-in' ? problem(409, 'account_occupied') : undefined;
  await controller.clockIn({ ...click(), account: BIRCH });
  assert.equal(chrome.record.presence?.account.id, 'acme');
  assert.equal(chrome.record.notice?.dropped, false);
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
