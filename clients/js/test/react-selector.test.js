import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import {
  click,
  find,
  findAll,
  hydrate,
  leave,
  press,
  render,
  scrolledTo,
  text,
  type,
  unmountAll,
} from './page.js';
import { ACCOUNTS, adminsSnapshot, anasSnapshot, NOW, TIME } from './world.js';

const { createElement } = await import('react');
const { renderToString } = await import('react-dom/server');
const { AccountSelector } = await import('../src/react/index.js');

const time = { ...TIME, now: () => NOW };

/** @typedef {Parameters<typeof AccountSelector>[0]} Props */

/** @type {string[]} */
let chosen = [];
/** @type {Awaited<ReturnType<typeof render>>} */
let page;

/**
 * As an application would have it: the choice is kept outside.
 *
 * @param {Partial<Props>} [more]
 * @returns {Props}
 */
const props = (more) => ({
  accounts: ACCOUNTS,
  snapshot: anasSnapshot(),
  value: null,
  onChange: (id) => chosen.push(id),
  ...time,
  ...more,
});
/** @param {Partial<Props>} more */
const update = (more) => page.update(createElement(AccountSelector, props(more)));

const input = () => /** @type {HTMLInputElement} */ (find('[role="combobox"]'));
const list = () => find('[role="listbox"]');
const options = () => findAll('[role="option"]');
const names = () => options().map((option) => option.textContent.trim());
const active = () => document.getElementById(input().getAttribute('aria-activedescendant') ?? '');
const isOpen = () => input().getAttribute('aria-expanded') === 'true' && !list().hidden;

/** @param {Partial<Props>} [more] */
async function show(more) {
  page = await render(AccountSelector, props(more));
  input().focus();
}

/** @param {string[]} keys */
async function pressAll(...keys) {
  for (const key of keys) await press(key);
}

beforeEach(() => {
  chosen = [];
});
afterEach(unmountAll);

test('it is a labelled combobox that controls a listbox', async () => {
  await show({ label: 'Client' });
  const label = /** @type {HTMLLabelElement} */ (find('label'));
  assert.equal(label.htmlFor, input().id);
  assert.equal(label.textContent, 'Client');
  assert.equal(input().getAttribute('aria-controls'), list().id);
  assert.equal(input().getAttribute('aria-autocomplete'), 'list');
  assert.equal(list().getAttribute('aria-label'), 'Client');
  assert.equal(isOpen(), false);
  assert.equal(input().hasAttribute('aria-activedescendant'), false);
});

test('a VA sees You and Occupied beside the accounts, an admin names', async () => {
  await show();
  await click(input());
  assert.deepEqual(names(), ['Acme Dental You', 'Birch Law Occupied', 'Café Olé']);
  await update({ snapshot: adminsSnapshot() });
  assert.deepEqual(names(), [
    'Acme Dental Ana Reyes • 3:05 PM',
    'Birch Law Ben Okafor • 2:00 PM • Last seen 5 min ago',
    'Café Olé',
  ]);
});

test('what others occupy is disabled, one’s own and free ones are not', async () => {
  await show();
  await click(input());
  const disabled = options().map((option) => option.getAttribute('aria-disabled'));
  assert.deepEqual(disabled, [null, 'true', null]);
});

test('arrow down opens at the first, goes on, and around', async () => {
  await show();
  await press('ArrowDown');
  assert.equal(isOpen(), true);
  assert.equal(active(), options()[0]);
  await pressAll('ArrowDown', 'ArrowDown');
  assert.equal(active(), options()[2]);
  await press('ArrowDown');
  assert.equal(active(), options()[0]);
});

test('arrow up opens at the last, and goes around', async () => {
  await show();
  await press('ArrowUp');
  assert.equal(active(), options()[2]);
  await pressAll('ArrowUp', 'ArrowUp', 'ArrowUp');
  assert.equal(active(), options()[2]);
});

test('it opens at the chosen one, which is selected', async () => {
  await show({ value: 'birch' });
  await press('ArrowDown');
  assert.equal(active(), options()[1]);
  const selected = options().map((option) => option.getAttribute('aria-selected'));
  assert.deepEqual(selected, ['false', 'true', 'false']);
});

test('home and end lead to the first and the last', async () => {
  await show();
  await pressAll('ArrowDown', 'End');
  assert.equal(active(), options()[2]);
  await press('Home');
  assert.equal(active(), options()[0]);
});

test('home and end are the text’s while nothing is active', async () => {
  await show();
  assert.equal((await press('Home')).defaultPrevented, false);
  assert.equal((await press('End')).defaultPrevented, false);
  assert.equal(isOpen(), false);
});

test('the active one is marked and scrolled to, and keeps the focus in the input', async () => {
  await show();
  await pressAll('ArrowDown', 'End');
  assert.deepEqual(findAll('[data-active]'), [options()[2]]);
  assert.equal(scrolledTo.at(-1)?.trim(), 'Café Olé');
  assert.equal(document.activeElement, input());
});

test('enter chooses the active one, and closes', async () => {
  await show();
  await press('ArrowUp');
  assert.equal((await press('Enter')).defaultPrevented, true);
  assert.deepEqual(chosen, ['cafe']);
  assert.equal(isOpen(), false);
});

test('enter on a closed one is the form’s', async () => {
  await show();
  assert.equal((await press('Enter')).defaultPrevented, false);
  assert.deepEqual(chosen, []);
});

test('neither enter nor a click chooses what another occupies, and the list stays', async () => {
  await show();
  await pressAll('ArrowDown', 'ArrowDown', 'Enter');
  await click(options()[1]);
  assert.deepEqual(chosen, []);
  assert.equal(isOpen(), true);
});

test('what was taken since it became active is not chosen', async () => {
  await show();
  await press('ArrowUp');
  await update({ snapshot: anasSnapshot({ presence: [{ account_id: 'cafe' }], me: null }) });
  assert.equal(active()?.getAttribute('aria-disabled'), 'true');
  await press('Enter');
  assert.deepEqual(chosen, []);
});

test('a click chooses, and the input keeps the focus', async () => {
  await show();
  await click(input());
  await click(/** @type {HTMLElement} */ (options()[2].firstChild));
  assert.deepEqual(chosen, ['cafe']);
  assert.equal(isOpen(), false);
  assert.equal(document.activeElement, input());
});

test('typing finds without case or accents, and makes the first free one active', async () => {
  await show();
  await type(input(), 'cafe o');
  assert.deepEqual(names(), ['Café Olé']);
  assert.equal(active(), options()[0]);
  await type(input(), 'l');
  assert.deepEqual(names(), ['Acme Dental You', 'Birch Law Occupied', 'Café Olé']);
  await type(input(), 'LAW');
  assert.deepEqual(names(), ['Birch Law Occupied']);
  assert.equal(active(), null);
});

test('how many were found is announced, and none opens no list', async () => {
  await show();
  assert.equal(find('[role="status"]').textContent, '');
  await type(input(), 'dental');
  assert.equal(find('[role="status"]').textContent, '1 account');
  await type(input(), 'nothing like it');
  assert.equal(find('[role="status"]').textContent, 'No account found');
  assert.equal(isOpen(), false);
  await pressAll('ArrowDown', 'Enter');
  assert.deepEqual(chosen, []);
});

test('escape closes and brings the chosen name back', async () => {
  await show({ value: 'acme' });
  await type(input(), 'bir');
  assert.equal((await press('Escape')).defaultPrevented, true);
  assert.equal(isOpen(), false);
  assert.equal(input().value, 'Acme Dental');
  assert.equal((await press('Escape')).defaultPrevented, false); // a dialog's around it, maybe
});

test('leaving closes without choosing', async () => {
  await show();
  await press('ArrowDown');
  await leave();
  assert.equal(isOpen(), false);
  assert.deepEqual(chosen, []);
});

test('keys that write with an input method, or with a modifier, are left alone', async () => {
  await show();
  await press('ArrowDown', { isComposing: true });
  await press('ArrowDown', { ctrlKey: true });
  assert.equal(isOpen(), false);
});

test('the active one stays active when others come and go, and is none when it goes', async () => {
  await show();
  await press('ArrowUp');
  const first = { id: 'a1', name: 'A1 Plumbing' };
  await update({ accounts: [first, ...ACCOUNTS] });
  assert.equal(active()?.textContent?.trim(), 'Café Olé');
  await update({ accounts: ACCOUNTS.slice(0, 2) });
  assert.equal(active(), null);
});

test('one change among 2,000 accounts renders and touches one option', async () => {
  const accounts = Array.from({ length: 2000 }, (_, i) => ({ id: `a${i}`, name: `Account ${i}` }));
  const presence = accounts.map(({ id }) => ({ account_id: id }));
  let badges = 0; // each asks for the time
  /** @param {Parameters<typeof anasSnapshot>[0]} more */
  const world = (more) => ({ accounts, now: () => (badges += 1), snapshot: anasSnapshot(more) });
  const before = world({ presence, me: null });
  await show(before);
  await click(input());
  assert.equal(badges, 2000);
  /** @type {MutationRecord[]} */
  const records = [];
  const observer = new window.MutationObserver((more) => records.push(...more));
  observer.observe(list(), {
    subtree: true,
    childList: true,
    attributes: true,
    characterData: true,
  });
  const [first] = presence;
  const me = { id: 'p', account_id: first.account_id, clocked_in_at: '2026-11-22T20:05:00.000Z' };
  await update({ ...before, snapshot: anasSnapshot({ presence, me }) });
  assert.equal(badges, 2001);
  const touched = new Set(
    records.map(({ target }) => target.parentElement?.closest('li') ?? target),
  );
  assert.deepEqual(
    [...touched].map((option) => option.textContent),
    ['Account 0 You'],
  );
});

test('what a server rendered comes alive without a difference', async () => {
  const html = renderToString(createElement(AccountSelector, props({ value: 'cafe' })));
  await hydrate(html, AccountSelector, props({ value: 'cafe' }));
  assert.match(text(), /^Account/);
  assert.equal(input().value, 'Café Olé');
});
