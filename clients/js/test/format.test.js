import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formatClockIn, formatLastSeen } from '../src/format.js';

const NOW = Date.parse('2026-11-22T20:05:00.000Z');
/** @param {number} seconds */
const ago = (seconds) => new Date(NOW - seconds * 1000).toISOString();
/** @type {(seconds: number, options?: {locale: string}) => string} */
const lastSeen = (seconds, options) => formatLastSeen(ago(seconds), NOW, options);

test('last seen counts whole minutes, hours and days', () => {
  assert.equal(lastSeen(60), 'Last seen 1 min ago');
  assert.equal(lastSeen(5 * 60 + 59), 'Last seen 5 min ago');
  assert.equal(lastSeen(59 * 60), 'Last seen 59 min ago');
  assert.equal(lastSeen(2 * 3600 - 1), 'Last seen 1 hr ago');
  assert.equal(lastSeen(24 * 3600), 'Last seen 1 day ago');
  assert.equal(lastSeen(3 * 24 * 3600), 'Last seen 3 days ago');
});

test('last seen within the minute, or in the future of a clock that is behind, is just now', () => {
  assert.equal(lastSeen(59), 'Last seen just now');
  assert.equal(lastSeen(-300), 'Last seen just now');
});

test('last seen says the same in all of the English locales that a browser may have', () => {
  assert.equal(lastSeen(300, { locale: 'en-US' }), 'Last seen 5 min ago');
  assert.equal(lastSeen(300, { locale: 'en-GB' }), 'Last seen 5 min ago');
});

test('a clock-in is a time of day in the given zone and locale', () => {
  const at = '2026-11-22T20:05:00.000Z';
  /** @type {(locale: string, timeZone: string) => string} */
  const clockIn = (locale, timeZone) => formatClockIn(at, { locale, timeZone, now: NOW });
  assert.equal(clockIn('en-US', 'America/New_York'), '3:05 PM');
  assert.equal(clockIn('de', 'Europe/Berlin'), '21:05');
  assert.equal(clockIn('en-US', 'Asia/Kolkata'), '1:35 AM');
});

test('a clock-in of another day has its date, by the days of the given zone', () => {
  const at = '2026-11-22T04:30:00.000Z'; // the 21st in New York
  /** @param {string} timeZone */
  const clockIn = (timeZone) => formatClockIn(at, { locale: 'en-US', timeZone, now: NOW });
  assert.equal(clockIn('UTC'), '4:30 AM');
  assert.equal(clockIn('America/New_York'), 'Nov 21, 11:30 PM');
});

test("without a zone a clock-in is in the viewer's", () => {
  const at = ago(60);
  const viewers = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
  assert.equal(formatClockIn(at, { now: Date.parse(at) }), viewers.format(new Date(at)));
});
