import assert from 'node:assert/strict';
import { test } from 'node:test';

import { badgeLabel, badgeOf, presenceByAccount } from '../src/badge.js';
import { adminsSnapshot, anasSnapshot, bensSnapshotAsAdmin, TIME } from './world.js';

test('a free account has no badge, nor has any before the first snapshot', () => {
  assert.equal(badgeOf(adminsSnapshot(), 'cafe'), null);
  assert.equal(badgeOf(null, 'acme'), null);
});

test("one's own account says You to a VA", () => {
  const badge = badgeOf(anasSnapshot(), 'acme');
  assert.ok(badge);
  assert.equal(badge.kind, 'own');
  assert.equal(badge.clockedInAt, '2026-11-22T20:05:00.000Z');
  assert.equal(badgeLabel(badge, TIME), 'You');
});

test('an account of somebody else says Occupied to a VA, and nothing is known of them', () => {
  const badge = badgeOf(anasSnapshot(), 'birch');
  assert.deepEqual(badge, {
    kind: 'occupied',
    stale: false,
    name: null,
    clockedInAt: null,
    lastSeenAt: null,
  });
  assert.equal(badgeLabel(badge, TIME), 'Occupied');
});

test('an account says to an admin who is on it and since when', () => {
  const badge = badgeOf(adminsSnapshot(), 'acme');
  assert.deepEqual(badge, {
    kind: 'member',
    stale: false,
    name: 'Ana Reyes',
    clockedInAt: '2026-11-22T20:05:00.000Z',
    lastSeenAt: null,
  });
  assert.equal(badgeLabel(badge, TIME), 'Ana Reyes • 3:05 PM');
});

test('a stale one is marked, with the time of the last heartbeat', () => {
  const badge = badgeOf(adminsSnapshot(), 'birch');
  assert.ok(badge);
  assert.equal(badge.kind, 'member');
  assert.equal(badge.stale, true);
  assert.equal(badge.lastSeenAt, '2026-11-22T20:05:00.000Z');
});

test("an admin's own account says You, stale or not", () => {
  const badge = badgeOf(bensSnapshotAsAdmin(), 'birch');
  assert.ok(badge);
  assert.equal(badge.kind, 'own');
  assert.equal(badge.stale, true);
  assert.equal(badgeLabel(badge, TIME), 'You');
});

test('an account that the caller knows to be its own is so before the snapshot has it', () => {
  const own = badgeOf(anasSnapshot(), 'cafe', 'cafe');
  assert.ok(own);
  assert.deepEqual([own.kind, own.stale, badgeLabel(own, TIME)], ['own', false, 'You']);
  assert.equal(badgeOf(anasSnapshot(), 'acme', 'cafe')?.kind, 'occupied');
  assert.equal(badgeOf(anasSnapshot(), 'acme', null)?.kind, 'occupied');
  assert.equal(badgeOf(null, 'cafe', 'cafe')?.kind, 'own');
});

test('a snapshot is indexed once', () => {
  const snapshot = adminsSnapshot();
  assert.equal(presenceByAccount(snapshot), presenceByAccount(snapshot));
});
