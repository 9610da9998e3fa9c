/**
 * @import { TestContext } from 'node:test'
 * @import { Asked } from './support.js'
 *
 * @typedef {Omit<Asked, 'path' | 'at'>} Sent
 */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { SnapshotPoller } from '../lib/snapshot-poller.js';
import { broken, problem, sentBy } from './support.js';

const settle = async () => {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
};

/**
 * A poller of a server that says `answers.next` each time.
 *
 * @param {TestContext} t
 */
async function polling(t) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  /** @type {{requests: Sent[], changes: number, refused: string | null}} */
  const seen = { requests: [], changes: 0, refused: null };
  /** @type {{next: (request: Sent) => Response | Promise<Response>}} */
  const answers = { next: ({ headers }) => snapshot(1, headers) };
  const poller = new SnapshotPoller({
    where: async () => ({ server: 'https://presence.example', token: 'a token' }),
    onChange: () => seen.changes++,
    onRefused: (_token, reason) => (seen.refused = reason),
    clock: { random: () => 1 },
    fetch: async (_url, init) => {
      const request = sentBy(init);
      seen.requests.push(request);
      return answers.next(request);
    },
  });
  /** @param {number} seconds */
  const pass = async (seconds) => {
    for (let ms = 0; ms < seconds * 1000; ms += 500) {
      mock.timers.tick(500);
      await settle();
    }
  };
  poller.refresh();
  await settle();
  return { poller, seen, answers, pass };
}

/**
 * @param {number} version
 * @param {Record<string, string>} headers of the request
 */
function snapshot(version, headers) {
  const tag = `W/"${version}"`;
  const options = { headers: { ETag: tag, 'X-Poll-Interval': '2' } };
  if (headers['If-None-Match'] === tag) return new Response(null, { status: 304, ...options });
  const rest = { view: 'va', accounts_version: 1, presence: [], me: null };
  return Response.json({ version, ...rest }, options);
}

test('it polls at the pace of the server, and tells of changes only', async (t) => {
  const { poller, seen, answers, pass } = await polling(t);
  await pass(10);
  assert.equal(seen.requests.length, 6);
  assert.equal(seen.changes, 1);
  answers.next = ({ headers }) => snapshot(2, headers);
  await pass(2);
  assert.equal(poller.snapshot?.version, 2);
  assert.equal(seen.changes, 2);
});

test('while the server is away it asks less often, and keeps what it has', async (t) => {
  const { poller, seen, answers, pass } = await polling(t);
  answers.next = broken;
  await pass(60);
  assert.ok(seen.requests.length < 10);
  assert.deepEqual([poller.status, poller.snapshot?.version], ['reconnecting', 1]);
  answers.next = ({ headers }) => snapshot(1, headers);
  await pass(15);
  assert.equal(poller.status, 'live');
  assert.equal(seen.changes, 3);
});

test('a token that is refused ends it, and the snapshot is forgotten', async (t) => {
  const { poller, seen, answers, pass } = await polling(t);
  answers.next = () => problem(401, 'not_authenticated', { reason: 'revoked' });
  await pass(4);
  assert.equal(seen.refused, 'revoked');
  assert.equal(poller.snapshot, null);
  const { length } = seen.requests;
  await pass(60);
  assert.equal(seen.requests.length, length);
});

test('an answer that comes after the stop is nobody’s', async (t) => {
  const { poller, answers, pass } = await polling(t);
  /** @type {((answer: Response) => void)[]} */
  const asked = [];
  answers.next = () => new Promise((resolve) => void asked.push(resolve));
  await pass(2);
  poller.stop();
  asked[0](snapshot(7, {}));
  await settle();
  assert.equal(poller.snapshot, null);
  assert.equal(poller.status, 'connecting');
});

test('after a write of one’s own the poll is at once, and says how new it must be', async (t) => {
  const { poller, seen } = await polling(t);
  poller.refresh(42);
  await settle();
  assert.equal(seen.requests.at(-1)?.headers['Presence-Min-Version'], '42');
});
