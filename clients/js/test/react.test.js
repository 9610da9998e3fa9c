import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { hydrate, render, text, unmountAll, until } from './page.js';
import { Service } from './service.js';
import { ACCOUNTS, adminsSnapshot, anasSnapshot } from './world.js';

const { StrictMode, createElement } = await import('react');
const { renderToString } = await import('react-dom/server');
const { PresencePoller } = await import('../src/index.js');
const { usePresence } = await import('../src/react/index.js');

/** @typedef {Parameters<typeof usePresence>[0]} Source */

/** @type {ReturnType<typeof usePresence>[]} all that the hook gave, render by render */
let given = [];
const last = () => given[given.length - 1];

/** @param {{source: Source}} props */
function Board({ source }) {
  const view = usePresence(source);
  given.push(view);
  const names = [...view.presence.values()].map((one) => one.display_name ?? 'Occupied');
  return `${view.status}: ${names.join(', ')}`;
}

/** @param {{source: Source, count: number}} props */
function Boards({ source, count }) {
  return Array.from({ length: count }, (_, key) => createElement(Board, { key, source }));
}

/**
 * @param {Service} service
 * @param {number} times
 */
const polled = (service, times) => {
  const before = service.polls;
  return until(() => service.polls >= before + times);
};

/** @param {Service} service */
async function stopsPolling(service) {
  const before = service.polls;
  await new Promise((resolve) => setTimeout(resolve, 100)); // five times the pace
  assert.equal(service.polls, before);
}

afterEach(async () => {
  await unmountAll();
  given = [];
});

test('the hook is connecting and loading, then gives who is where by account', async () => {
  const service = new Service(adminsSnapshot());
  await render(Board, { source: service.options });
  assert.equal(given[0].status, 'connecting');
  assert.equal(given[0].loading, true);
  await until(() => text() === 'live: Ana Reyes, Ben Okafor');
  const { presence, accounts, me, version, reason, loading } = last();
  assert.equal(presence.get('acme')?.display_name, 'Ana Reyes');
  assert.deepEqual(accounts, ACCOUNTS);
  assert.deepEqual(
    { me, version, reason, loading },
    { me: null, version: 7, reason: null, loading: false },
  );
});

test('me is where a VA is clocked in', async () => {
  const service = new Service(anasSnapshot());
  await render(Board, { source: service.options });
  await until(() => last().me?.account_id === 'acme');
  assert.deepEqual([...last().presence.keys()], ['acme', 'birch']);
});

test('nothing is rendered while polls find nothing new', async () => {
  const service = new Service(adminsSnapshot());
  await render(Board, { source: service.options });
  await until(() => !last().loading);
  const renders = given.length;
  await polled(service, 5);
  assert.equal(given.length, renders);
});

test('a change keeps the entries and the me that say the same', async () => {
  const service = new Service(adminsSnapshot());
  await render(Board, { source: service.options });
  await until(() => !last().loading);
  const before = last();
  const [ana, ben] = adminsSnapshot().presence;
  service.snapshot = adminsSnapshot({ version: 8, presence: [ana, { ...ben, state: 'active' }] });
  await until(() => last().version === 8);
  assert.equal(last().presence.get('acme'), before.presence.get('acme'));
  assert.notEqual(last().presence.get('birch'), before.presence.get('birch'));
  assert.equal(last().presence.get('birch')?.state, 'active');
});

test('another version with nobody moved keeps the map and me', async () => {
  const service = new Service(anasSnapshot());
  await render(Board, { source: service.options });
  await until(() => !last().loading);
  const before = last();
  service.snapshot = anasSnapshot({ version: 8 });
  await until(() => last().version === 8);
  assert.equal(last().presence, before.presence);
  assert.equal(last().me, before.me);
});

test('of the components that share a poller the last to go stops it', async () => {
  const service = new Service(adminsSnapshot());
  const source = new PresencePoller(service.options);
  const page = await render(Boards, { source, count: 3 });
  await until(() => text() === 'live: Ana Reyes, Ben Okafor'.repeat(3));
  await page.update(createElement(Boards, { source, count: 1 }));
  await polled(service, 2);
  await page.unmount();
  await stopsPolling(service);
});

test('StrictMode, which mounts everything twice, gets one stream of polls, and none afterwards', async () => {
  const service = new Service(adminsSnapshot());
  /** @param {{source: Source}} props */
  const Strict = (props) => createElement(StrictMode, null, createElement(Board, props));
  const page = await render(Strict, { source: service.options });
  await until(() => text() === 'live: Ana Reyes, Ben Okafor');
  await polled(service, 3);
  await page.unmount();
  await stopsPolling(service);
});

test('options made anew in every render keep the poller, and the latest getToken is asked', async () => {
  const service = new Service(adminsSnapshot());
  /** @param {string} token */
  const withToken = (token) => ({ ...service.options, getToken: () => token });
  const page = await render(Board, { source: withToken('first') });
  await until(() => !last().loading);
  await page.update(createElement(Board, { source: withToken('second') }));
  assert.equal(last().status, 'live');
  await until(() => service.tokens.at(-1) === 'Bearer second');
});

test('another url is another service: nothing of the first is shown', async () => {
  const [service, other] = [new Service(adminsSnapshot()), new Service(anasSnapshot())];
  const page = await render(Board, { source: service.options });
  await until(() => !last().loading);
  const elsewhere = { ...other.options, url: 'https://other.example' };
  const renders = given.length;
  await page.update(createElement(Board, { source: elsewhere }));
  assert.equal(given[renders].snapshot, null);
  await until(() => text() === 'live: Occupied, Occupied');
  await stopsPolling(service);
});

test('who is signed out is told why, and is not loading', async () => {
  const service = new Service(adminsSnapshot());
  service.refusal = { status: 401, code: 'not_authenticated', reason: 'revoked' };
  await render(Board, { source: service.options });
  await until(() => last().status === 'signed-out');
  assert.equal(last().reason, 'revoked');
  assert.equal(last().loading, false);
});

test('what a server rendered comes alive without a difference', async () => {
  const service = new Service(adminsSnapshot());
  const source = new PresencePoller(service.options);
  const html = renderToString(createElement(Board, { source }));
  assert.equal(service.polls, 0);
  await hydrate(html, Board, { source });
  await until(() => text() === 'live: Ana Reyes, Ben Okafor');
});

test('a poller that already knows comes alive from what the server rendered, too', async () => {
  const service = new Service(adminsSnapshot());
  const source = new PresencePoller(service.options);
  const html = renderToString(createElement(Board, { source }));
  source.start();
  await until(() => source.getState().status === 'live');
  await hydrate(html, Board, { source });
  assert.equal(text(), 'live: Ana Reyes, Ben Okafor');
});
