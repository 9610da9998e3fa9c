import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';

import { find, findAll, hydrate, render, text, unmountAll } from './page.js';
import { adminsSnapshot, anasSnapshot, bensSnapshotAsAdmin, NOW, TIME } from './world.js';

const { act, createElement } = await import('react');
const { renderToString } = await import('react-dom/server');
const { badgeOf } = await import('../src/badge.js');
const { OccupancyBadge } = await import('../src/react/index.js');

/** @import { Snapshot } from '../src/types.js' */
/** @typedef {Parameters<typeof OccupancyBadge>[0]} Props */

let now = NOW;
const time = { ...TIME, now: () => now };

/**
 * @param {Snapshot} snapshot
 * @param {string} accountId
 * @param {Partial<Props>} [more]
 */
const show = (snapshot, accountId, more) =>
  render(OccupancyBadge, { badge: badgeOf(snapshot, accountId), ...time, ...more });

/**
 * The badge of Ben, who is stale, as an admin sees it.
 *
 * @param {Partial<Props>} [more]
 */
const showBens = (more) => show(adminsSnapshot(), 'birch', more);

/** Take over the timers; the function that is given lets minutes pass. */
function minutes() {
  /** @type {() => void} */
  let tick = () => assert.fail('there is no timer');
  /** @type {(then: () => void, ms: number) => void} */
  const setInterval = (then, ms) => {
    assert.equal(ms, 60_000);
    tick = then;
  };
  mock.method(globalThis, 'setInterval', setInterval);
  /** @param {number} count */
  return async (count) => {
    for (let i = 0; i < count; i += 1) {
      now += 60_000;
      await act(async () => tick());
    }
  };
}

afterEach(async () => {
  await unmountAll();
  mock.restoreAll();
  now = NOW;
});

test('a free account shows nothing at all', async () => {
  await show(adminsSnapshot(), 'cafe');
  assert.equal(find('main').innerHTML, '');
});

test('You, Occupied and a name with its time are told apart by data-kind', async () => {
  /** @type {(snapshot: Snapshot, accountId: string) => Promise<(string | undefined | null)[]>} */
  const shown = async (snapshot, accountId) => {
    await show(snapshot, accountId);
    return [find('.presence-badge').dataset.kind, text()];
  };
  assert.deepEqual(await shown(anasSnapshot(), 'acme'), ['own', 'You']);
  assert.deepEqual(await shown(anasSnapshot(), 'birch'), ['occupied', 'Occupied']);
  assert.deepEqual(await shown(adminsSnapshot(), 'acme'), ['member', 'Ana Reyes • 3:05 PM']);
});

test('a stale one also says when it was last seen, and is marked', async () => {
  await showBens();
  assert.equal(text(), 'Ben Okafor • 2:00 PM • Last seen 5 min ago');
  assert.equal(find('.presence-badge').dataset.stale, 'true');
  assert.equal(find('.presence-last-seen').textContent, 'Last seen 5 min ago');
});

test('a fresh one has no data-stale', async () => {
  await show(adminsSnapshot(), 'acme');
  assert.equal(find('.presence-badge').hasAttribute('data-stale'), false);
});

test("one's own that went stale says You, and when it was last seen", async () => {
  await show(bensSnapshotAsAdmin(), 'birch');
  assert.equal(text(), 'You • Last seen 5 min ago');
});

test('last seen grows older by itself, once a minute', async () => {
  const pass = minutes();
  await showBens();
  await pass(1);
  assert.equal(find('.presence-last-seen').textContent, 'Last seen 6 min ago');
  await pass(4);
  assert.equal(find('.presence-last-seen').textContent, 'Last seen 10 min ago');
});

test('at midnight a clock-in gets its date', async () => {
  const pass = minutes();
  await show(adminsSnapshot(), 'acme');
  await pass(9 * 60);
  assert.equal(text(), 'Ana Reyes • Nov 22, 3:05 PM');
});

test('a hundred badges have one timer, and leave none behind', async () => {
  const set = mock.method(globalThis, 'setInterval', () => 'the timer');
  const clear = mock.method(globalThis, 'clearInterval', () => {});
  const badge = badgeOf(adminsSnapshot(), 'birch');
  const Hundred = () =>
    Array.from({ length: 100 }, (_, key) => createElement(OccupancyBadge, { key, badge, ...time }));
  const page = await render(Hundred);
  assert.equal(findAll('.presence-badge').length, 100);
  assert.equal(set.mock.callCount(), 1);
  await page.unmount();
  assert.deepEqual(
    clear.mock.calls.map((call) => call.arguments),
    [['the timer']],
  );
});

test('it can be another component, with that one’s props and one more class', async () => {
  /** @param {{variant: string}} props */
  const Badge = ({ variant, ...rest }) => createElement('b', { 'data-variant': variant, ...rest });
  await showBens({ as: Badge, variant: 'destructive', className: 'ml-2', title: 'since two' });
  const { dataset, className, title } = find('b');
  assert.equal(dataset.variant, 'destructive');
  assert.equal(className, 'presence-badge ml-2');
  assert.equal(title, 'since two');
});

test('what a server rendered gets its times in the viewer’s zone, without a difference', async () => {
  const props = { badge: badgeOf(adminsSnapshot(), 'birch') };
  const html = renderToString(
    createElement(OccupancyBadge, { ...props, ...time, timeZone: 'Asia/Kolkata' }),
  );
  await hydrate(html, OccupancyBadge, { ...props, ...time });
  assert.equal(text(), 'Ben Okafor • 2:00 PM • Last seen 5 min ago');
});
