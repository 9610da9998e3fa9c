/** @import { Entry, Snapshot } from '../client/index.js' */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { addressOf, patternOf } from '../lib/address.js';
import { durationText, errorText, noticeText } from '../lib/messages.js';
import { Mutex } from '../lib/mutex.js';
import { isContradicted, placeOf, rowsOf } from '../lib/popup-model.js';
import { NOTHING } from '../lib/state.js';
import { colourOf, initials, toolbarOf } from '../lib/toolbar.js';
import { ACME, BIRCH, broken, iso, START, say, signedIn } from './support.js';

/** @type {Snapshot} */
const SNAPSHOT = {
  version: 9e15,
  view: 'va',
  accounts_version: 1,
  stale_after: 900,
  presence: [],
  me: null,
};

for (const [typed, url] of [
  ['presence.example.com', 'https://presence.example.com'],
  [' https://presence.example.com/board/?a=b ', 'https://presence.example.com'],
  ['presence.example.com:8443', 'https://presence.example.com:8443'],
  ['localhost:8000', 'http://localhost:8000'],
  ['127.0.0.1:8000', 'http://127.0.0.1:8000'],
  ['http://localhost:8000', 'http://localhost:8000'],
]) {
  test(`the address ${typed}`, () => assert.deepEqual(addressOf(typed), { url }));
}

for (const typed of ['', 'ftp://presence.example', 'two words', 'https://']) {
  test(`${typed} is no address`, () =>
    assert.deepEqual(addressOf(typed), { problem: 'address_bad' }));
}

for (const typed of [
  'http://presence.example',
  'http://192.168.1.5:8000',
  'http://localhost.example',
]) {
  test(`${typed} would send codes in the clear`, () =>
    assert.deepEqual(addressOf(typed), { problem: 'address_insecure' }));
}

test('the permission is for the one host', () => {
  assert.equal(patternOf('https://presence.example.com:8443'), 'https://presence.example.com/*');
});

test('initials are of the first two words', () => {
  const found = ['Blue Heron Bakery', 'Acme', 'Cedar & Sons', '  ', 'ño', '王 伟'].map(initials);
  assert.deepEqual(found, ['BH', 'AC', 'CS', '?', 'ÑO', '王伟']);
});

test('every colour is dark enough for white letters', () => {
  const colours = new Set(Array.from({ length: 200 }, (_, id) => colourOf(`account-${id}`)));
  assert.equal(colours.size, 8);
  for (const colour of colours) {
    const [r, g, b] = [1, 3, 5]
      .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    assert.ok(1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) >= 4.5, colour);
  }
});

test('the badge says where one is, and its title says it in words', async () => {
  const { controller, server, chrome, click } = await signedIn();
  const badge = (isSignedIn = true) => toolbarOf(chrome.state, isSignedIn);
  assert.deepEqual(toolbarOf(NOTHING, false), {
    text: '',
    colour: '#8a4b00',
    title: ['badge_signed_out'],
  });
  assert.deepEqual(badge().title, ['badge_off']);
  await controller.clockIn({ ...click(), account: ACME });
  assert.deepEqual(badge(), {
    text: 'AD',
    colour: colourOf('acme'),
    title: ['badge_on', 'Acme Dental'],
  });
  assert.deepEqual(
    [badge(false).text, ...badge(false).title],
    ['!', 'badge_sign_in_on', 'Acme Dental'],
  );
  server.trouble = broken;
  await controller.look();
  assert.deepEqual([badge().text, ...badge().title], ['!', 'badge_away_on', 'Acme Dental']);
  await controller.clockOut(click());
  assert.deepEqual([badge().text, ...badge().title], ['!', 'badge_away']);
});

test('what an account shows and offers', async () => {
  const { controller, chrome, click } = await signedIn();
  const snapshot = { ...SNAPSHOT, presence: [{ account_id: 'birch' }] };
  /** @param {Snapshot | null} seen */
  const rows = (seen) =>
    rowsOf(chrome.record, seen).map(({ badge, action }) => [badge?.kind, action]);
  assert.deepEqual(rows(snapshot), [
    [undefined, 'clock_in'],
    ['occupied', null],
  ]);
  await controller.clockIn({ ...click(), account: ACME });
  assert.deepEqual(rows({ ...snapshot, presence: [] }), [
    ['own', null],
    [undefined, 'switch'],
  ]);
  assert.deepEqual(rows(null), [
    ['own', null],
    [undefined, 'switch'],
  ]);
  const since = iso(START);
  /** @type {Entry} */
  const ana = {
    account_id: 'birch',
    display_name: 'Ana',
    clocked_in_at: since,
    state: 'stale',
    last_seen_at: since,
  };
  const [, { badge }] = rowsOf(chrome.record, { ...snapshot, view: 'admin', presence: [ana] });
  assert.deepEqual(badge, {
    kind: 'member',
    stale: true,
    name: 'Ana',
    clockedInAt: since,
    lastSeenAt: since,
  });
});

test('a code for one account offers that one', async () => {
  const { chrome } = await signedIn();
  const record = { ...chrome.record, bound: 'birch' };
  assert.deepEqual(
    rowsOf(record, null).map(({ action }) => action),
    [null, 'clock_in'],
  );
});

test('a snapshot from before one’s own write is not believed', async () => {
  const { controller, chrome, click } = await signedIn();
  await controller.clockIn({ ...click(), account: ACME });
  const { version, presence } = chrome.record;
  assert.ok(presence);
  const before = { ...SNAPSHOT, version: version - 1 };
  assert.equal(isContradicted(chrome.record, before), false);
  assert.equal(isContradicted(chrome.record, { ...before, version }), true);
  await controller.clockOut(click());
  const me = { id: presence.id, account_id: 'acme', clocked_in_at: iso(START) };
  assert.equal(placeOf(chrome.record, { ...before, me }).kind, 'off');
  const later = { ...before, version: 9e15, me: { ...me, account_id: 'birch' } };
  const place = placeOf(chrome.record, later);
  assert.deepEqual([place.kind, place.account], ['elsewhere', BIRCH]);
});

test('durations read as people say them', () => {
  /** @param {number} minutes */
  const text = (minutes) => durationText(say, minutes * 60_000);
  assert.deepEqual([-1, 0, 59, 60, 65, 600].map(text), [
    'minutes 0',
    'minutes 0',
    'minutes 59',
    'hours 1 00',
    'hours 1 05',
    'hours 10 00',
  ]);
});

test('errors that are not known here are said in the server’s words', () => {
  const detail = 'In its words.';
  assert.equal(errorText(say, { code: 'new', detail, retryAfter: null }), detail);
  assert.equal(
    errorText(say, { code: 'too_many_attempts', detail, retryAfter: 42 }),
    'error_too_many_attempts 42',
  );
  const notice = { kind: 'refused_validation_failed', account: ACME, at: START, dropped: true };
  assert.match(noticeText(say, notice, START), /^notice_refused Acme Dental .* notice_dropped$/);
});

test('only one module touches Chrome', () => {
  const folder = new URL('..', import.meta.url);
  const names = ['.', 'lib'].flatMap((name) =>
    readdirSync(new URL(name, folder)).map((file) => `${name}/${file}`),
  );
  const touching = names
    .filter((name) => name.endsWith('.js'))
    .filter((name) => /\bchrome\.\w+[.(]/.test(readFileSync(new URL(name, folder), 'utf8')));
  assert.deepEqual(touching, ['./chrome.js']);
});

test('an alarm is left alone, but for one that a clock set back puts far off', async () => {
  /** @type {{periodInMinutes: number, scheduledTime: number}[]} */
  const made = [];
  /**
   * @param {string} _
   * @param {{periodInMinutes: number}} period
   */
  const create = async (_, { periodInMinutes }) => {
    made.push({ periodInMinutes, scheduledTime: Date.now() + periodInMinutes * 60_000 });
  };
  const alarms = { create, get: async () => made.at(-1) };
  Object.assign(globalThis, { chrome: { storage: {}, alarms } });
  const { alarm } = await import('../chrome.js');
  await alarm.set(45);
  await alarm.set(45);
  assert.equal(made.length, 1);
  made[0].scheduledTime += 3_600_000;
  await alarm.set(45);
  await alarm.set(45);
  assert.equal(made.length, 2);
});

test('every message is used, and every key has one', () => {
  const folder = new URL('..', import.meta.url);
  /** @param {string} name */
  const read = (name) => readFileSync(new URL(name, folder), 'utf8');
  const messages = Object.keys(JSON.parse(read('_locales/en/messages.json')));
  const files = ['.', 'lib'].flatMap((name) =>
    readdirSync(new URL(name, folder)).map((file) => `${name}/${file}`),
  );
  const text = files
    .filter((name) => /\.(js|html|json)$/.test(name))
    .map(read)
    .join('\n');
  const made = [
    /^farewell_/,
    /^notice_/,
    /^connection_/,
    /^badge_/,
    /^pending_/,
    /^error_/,
    /^settings_clock_/,
  ];
  const unused = messages.filter(
    (key) => !new RegExp(`['"\`_]${key}['"\`_]`).test(text) && !made.some((one) => one.test(key)),
  );
  assert.deepEqual(unused, []);
  const keys = [...text.matchAll(/\bsay\('(\w+)'|data-say(?:-\w+)?="(\w+)"|__MSG_(\w+)__/g)];
  const named = keys.map(([, ...groups]) => groups.find(Boolean) ?? '');
  assert.ok(named.length > 40);
  assert.deepEqual(
    named.filter((key) => !messages.includes(key)),
    [],
  );
});

test('what is done in turn never overtakes, also after one that failed', async () => {
  /** @type {{go: (value?: unknown) => void, stop: (reason: Error) => void}[]} */
  const waits = [];
  /** @type {string[]} */
  const shown = [];
  const mutex = new Mutex();
  const show = () =>
    mutex.runExclusive(async () => {
      shown.push('began');
      await new Promise((go, stop) => waits.push({ go, stop }));
      shown.push('ended');
    });
  const [first, second] = [show(), show()];
  await new Promise(setImmediate);
  assert.deepEqual(shown, ['began']);
  waits[0].stop(new Error('no'));
  await assert.rejects(first);
  await new Promise(setImmediate);
  assert.deepEqual(shown, ['began', 'began']);
  waits[1].go();
  await second;
  assert.deepEqual(shown, ['began', 'began', 'ended']);
});
