import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ACME, broken, iso, MINUTE, onTheClock, problem, START, signedIn } from './support.js';

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
  assert.equal(chrome.record.notice?.kind, 'inactive');
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
  assert.equal(server.requests.at(-1)?.path, '/v1/heartbeat');
});

test('a sleep that begins after half an hour of nobody counts from the last input', async () => {
  const { controller, server, clock, pass } = await onTheClock();
  await controller.tick();
  await pass(30, 'idle');
  clock.time += 40 * MINUTE;
  await controller.idleChanged('idle');
  const [{ body }] = server.asked('/v1/clock-out');
  assert.ok(Math.abs(Date.parse(String(body.occurred_at)) - START) <= MINUTE);
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
  assert.equal(chrome.record.notice?.kind, 'inactive');
});

test('the words of inactivity stay where the server had ended it too', async () => {
  const { server, chrome, controller, clock } = await onTheClock();
  server.trouble = () => problem(410, 'presence_ended', { reason: 'expired' });
  clock.time += 180 * MINUTE;
  await controller.idleChanged('active');
  assert.equal(chrome.record.notice?.kind, 'inactive');
  assert.deepEqual(chrome.record.queue, []);
});
