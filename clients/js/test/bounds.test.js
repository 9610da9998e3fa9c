/** Numbers that a proxy doubled, dropped or invented. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bounded, retryAfterOf, versionOf } from '../src/bounds.js';
import { refusal, settle, stage } from './support.js';

for (const said of [
  '2, 2',
  '-1',
  '0',
  'NaN',
  '',
  '1e9',
  '99999999999',
  'soon',
  'Infinity',
  '0x10',
  '2;2',
]) {
  test(`a poll interval of “${said}” neither floods nor stops`, async (t) => {
    const { clock, server, poller } = stage(t);
    poller().start();
    server.interval = said;
    await clock.pass(600);
    assert.ok(server.polls.length <= 601, `${server.polls.length} polls in 10 minutes`);
    assert.ok(server.polls.length >= 3);
  });
}

test('an interval that stands there twice is the larger one', async (t) => {
  const { clock, server, poller } = stage(t);
  poller().start();
  server.interval = '5, 5';
  await clock.pass(1);
  server.requests.length = 0;
  await clock.pass(50);
  assert.equal(server.polls.length, 10);
});

test('an answer that claims to have been held is asked for once a second at most', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller({ wait: 25 });
  server.trouble = (path) =>
    path === '/v1/presence'
      ? server.json(server.snapshot, { 'Preference-Applied': 'wait=25' })
      : undefined;
  one.start();
  await clock.pass(60);
  assert.ok(server.polls.length <= 61);
});

for (const said of ['99999999999', 'Fri, 31 Dec 9999 23:59:59 GMT', '-5', 'soon', '1e9', '7, 7']) {
  test(`Retry-After: ${said} holds up nobody for ever`, async (t) => {
    const { clock, server, poller } = stage(t);
    clock.chance = 1;
    server.trouble = () => refusal(503, { code: 'busy' }, { 'Retry-After': said });
    const one = poller();
    one.start();
    await clock.pass(30);
    server.trouble = null;
    await clock.pass(311);
    assert.equal(one.getState().status, 'live');
  });
}

test('Retry-After may be a date, by the clock of whoever says it', () => {
  /** @type {(retry: string, date?: string) => Headers} */
  const headers = (retry, date) =>
    new Headers({ 'Retry-After': retry, ...(date && { Date: date }) });
  const at = 'Sun, 22 Nov 2026 15:00:30 GMT';
  assert.equal(retryAfterOf(headers(at, 'Sun, 22 Nov 2026 15:00:00 GMT')), 30);
  assert.equal(retryAfterOf(headers(at, 'Sun, 22 Nov 2026 15:01:00 GMT')), null);
  const soon = retryAfterOf(headers(new Date(Date.now() + 20_000).toUTCString()));
  assert.ok(soon !== null && soon > 15 && soon <= 20, `${soon}`);
  assert.equal(retryAfterOf(headers('7')), 7);
  assert.equal(retryAfterOf(new Headers()), null);
});

for (const date of [
  'Thu, 01 Jan 1970 00:00:00 GMT',
  'Fri, 31 Dec 9999 23:59:59 GMT',
  'nonsense',
  '',
]) {
  test(`Date: ${date} does not set the clock`, async (t) => {
    const { clock, server, poller } = stage(t);
    const one = poller();
    server.ahead = 10;
    one.start();
    await clock.pass(1);
    server.trouble = () => server.json(server.snapshot, { Date: date });
    await clock.pass(10);
    assert.ok(Math.abs(one.now() - clock.time - 10_000) <= 1000);
    assert.equal(one.getState().status, 'live');
  });
}

for (const version of [NaN, Infinity, -1, '9, 9', 1e300, null]) {
  test(`refresh(${version}) asks for no version, and the next one is heard`, async (t) => {
    const { clock, server, poller } = stage(t);
    const one = poller();
    one.start();
    await clock.pass(1);
    one.refresh(/** @type {any} a page may have it from anywhere */ (version));
    await clock.pass(1);
    one.refresh(7);
    await settle();
    const asked = server.polls.slice(-2).map(({ headers }) => headers['Presence-Min-Version']);
    assert.ok([undefined, '9', '9007199254740991'].includes(asked[0]), asked[0]);
    assert.equal(asked[1], '7');
  });
}

test('the version of a write of today is asked for as it was said', async (t) => {
  const { clock, server, poller } = stage(t);
  const one = poller();
  one.start();
  await clock.pass(1);
  for (const version of [
    '1795797482693',
    '999999999999999',
    '1795797482693001, 1795797482693001',
    String(Number.MAX_SAFE_INTEGER),
  ]) {
    one.refresh(versionOf(new Headers({ 'Presence-Version': version })));
    await settle();
    assert.equal(server.polls.at(-1)?.headers['Presence-Min-Version'], version.split(',')[0]);
  }
});

test('numbers are kept within their bounds', () => {
  for (const [value, found] of [
    [45, 45],
    ['45', 45],
    [' 45 ', 45],
    ['2, 7', 7],
    [0, 1],
    [0.5, 1],
    [1e12, 300],
    [-1, null],
    ['-1', null],
    [NaN, null],
    [Infinity, null],
    [1e21, null],
    ['', null],
    [',', null],
    [null, null],
    [undefined, null],
    [true, null],
    [{}, null],
    ['12abc', null],
  ]) {
    assert.equal(bounded(value, 1, 300, null), found, String(value));
  }
});
