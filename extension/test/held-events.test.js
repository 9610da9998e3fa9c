/**
 * What the server refuses as invalid: another release of it may accept that.
 *
 * @import { Account, Snapshot } from '../client/index.js'
 * @import { ClockEvent, MemberRecord } from '../lib/types.js'
 * @import { Server, Trouble } from './support.js'
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hold } from '../lib/held-events.js';
import { heldText } from '../lib/messages.js';
import { mayRetryHeld, placeOf } from '../lib/popup-model.js';
import { toolbarOf } from '../lib/toolbar.js';
import { ACME, BIRCH, broken, iso, MINUTE, problem, START, say, signedIn } from './support.js';

/**
 * Ana signed in at a server that refuses clock events as invalid, those of `account` at least.
 *
 * @param {Account} [account]
 */
async function refusing(account) {
  const stage = await signedIn();
  /** @type {Trouble} */
  const refuse = (path, body) =>
    path.startsWith('/v1/clock') && (!account || body.account_id === account.id)
      ? problem(422, 'validation_failed')
      : undefined;
  stage.server.trouble = refuse;
  const accept = () => {
    stage.server.trouble = () => undefined;
    stage.server.requests.length = 0;
  };
  return { ...stage, accept, refuse };
}

/** @param {Server} server */
const sent = ({ requests }) =>
  requests
    .filter(({ path }) => path.startsWith('/v1/clock'))
    .map(({ path, headers, body }) => [path, headers['Idempotency-Key'], body.occurred_at]);

/** @param {MemberRecord} record */
const kinds = ({ held }) => held.map(({ kind, account }) => [kind, account.id]);

test('an event refused as invalid is held, and the popup and the toolbar say so', async () => {
  const { controller, server, chrome, click, pass } = await refusing();
  await controller.clockIn({ ...click(), account: ACME });
  const { record } = chrome;
  assert.deepEqual([record.queue, kinds(record)], [[], [['clock_in', 'acme']]]);
  const place = placeOf(record, null);
  assert.deepEqual([place.kind, place.account, place.isHeld], ['on', ACME, true]);
  assert.ok(mayRetryHeld(record, place));
  assert.match(heldText(say, record.held, START), /^held_one .* held_help$/);
  assert.deepEqual(toolbarOf(chrome.state, true).title, ['badge_held_on', 'Acme Dental']);
  await pass(5);
  assert.equal(server.asked('/v1/clock-in').length, 1);
});

for (const again of /** @type {const} */ (['retryHeld', 'restart'])) {
  test(`${again} sends it with the key and the time that it had`, async () => {
    const { controller, server, chrome, clock, click, accept } = await refusing();
    const event = { ...click(), account: ACME };
    await controller.clockIn(event);
    clock.time += 10 * MINUTE;
    accept();
    await controller[again]();
    assert.deepEqual(sent(server), [['/v1/clock-in', event.key, iso(START)]]);
    assert.equal(chrome.record.presence?.account.id, 'acme');
    assert.deepEqual(chrome.record.held, []);
  });
}

test('a clock-out that follows is held with it, and sent after it', async () => {
  const { controller, server, chrome, click, accept } = await refusing();
  await controller.clockIn({ ...click(), account: ACME });
  const out = click();
  await controller.clockOut(out);
  assert.deepEqual(kinds(chrome.record), [
    ['clock_in', 'acme'],
    ['clock_out', 'acme'],
  ]);
  assert.equal(placeOf(chrome.record, null).kind, 'off');
  accept();
  await controller.retryHeld();
  assert.equal(server.asked('/v1/clock-out')[0].body.presence_id, 'p1');
  assert.equal(sent(server)[1][1], out.key);
  assert.deepEqual([chrome.record.held, chrome.record.presence], [[], null]);
});

test('later events are sent all the same, and end what is held', async () => {
  const { controller, chrome, clock, click } = await refusing(ACME);
  await controller.clockIn({ ...click(), account: ACME });
  clock.time += MINUTE;
  await controller.clockIn({ ...click(), account: BIRCH });
  assert.equal(chrome.record.presence?.account.id, 'birch');
  assert.deepEqual(kinds(chrome.record), [
    ['clock_in', 'acme'],
    ['clock_out', 'acme'],
  ]);
  assert.equal(chrome.record.held[1].occurred_at, iso(START + MINUTE));
});

test('so it is for events that were queued together', async () => {
  const { controller, server, chrome, clock, click, refuse } = await refusing(ACME);
  server.trouble = broken;
  await controller.clockIn({ ...click(), account: ACME });
  clock.time += MINUTE;
  await controller.clockIn({ ...click(), account: BIRCH });
  server.trouble = refuse;
  await controller.look();
  assert.equal(chrome.record.presence?.account.id, 'birch');
  assert.equal(chrome.record.held[1].occurred_at, iso(START + MINUTE));
});

test('while the member is on the clock, what is held waits', async () => {
  const { controller, server, chrome, click, accept } = await refusing(ACME);
  await controller.clockIn({ ...click(), account: ACME });
  await controller.clockIn({ ...click(), account: BIRCH });
  accept();
  await controller.retryHeld();
  await controller.restart();
  assert.deepEqual(sent(server), []);
  assert.ok(!mayRetryHeld(chrome.record, placeOf(chrome.record, null)));
  await controller.clockOut(click());
  await controller.retryHeld();
  assert.deepEqual(
    sent(server).map(([path]) => path),
    ['/v1/clock-out', '/v1/clock-in', '/v1/clock-out'],
  );
  assert.deepEqual([chrome.record.held, chrome.record.presence], [[], null]);
});

for (const again of /** @type {const} */ (['retryHeld', 'restart', 'signIn'])) {
  test(`${again} sends nothing that is held while the server has the member on the clock`, async () => {
    const { controller, server, chrome, click, accept } = await refusing();
    await controller.clockIn({ ...click(), account: ACME });
    await controller.clockOut(click());
    accept();
    server.presence = server.presenceOn('birch'); // at the board
    await controller[again]({ code: 'ana', keep: false });
    assert.deepEqual([sent(server), chrome.record.held.length], [[], 2]);
    server.presence = null;
    await controller[again]({ code: 'ana', keep: false });
    assert.deepEqual([sent(server).length, chrome.record.held], [2, []]);
  });

  test(`${again} sends nothing that is held while the server does not say where`, async () => {
    const { controller, server, chrome, click, accept } = await refusing();
    await controller.clockIn({ ...click(), account: ACME });
    accept();
    const { presence: _, ...unsaid } = server.session('ana');
    server.trouble = (path) => (path === '/v1/clock-in' ? undefined : Response.json(unsaid));
    await controller[again]({ code: 'ana', keep: false });
    assert.deepEqual([sent(server), chrome.record.held.length], [[], 1]);
  });
}

test('a clock-out that is held does not end a presence on which the member went on', async () => {
  const { controller, server, chrome, click, refuse, accept } = await refusing();
  accept();
  await controller.clockIn({ ...click(), account: ACME });
  server.trouble = refuse;
  await controller.clockOut(click());
  accept();
  await controller.restart();
  await controller.signIn({ code: 'ana', keep: false });
  assert.deepEqual([sent(server), kinds(chrome.record)], [[], [['clock_out', 'acme']]]);
});

test('a switch that is held leaves the member where they were', async () => {
  const { controller, server, chrome, click } = await refusing(BIRCH);
  await controller.clockIn({ ...click(), account: ACME });
  await controller.clockIn({ ...click(), account: BIRCH });
  assert.equal(placeOf(chrome.record, null).account?.id, 'acme');
  await controller.clockOut(click());
  assert.equal(server.asked('/v1/clock-out')[0].body.presence_id, 'p1');
  assert.equal(placeOf(chrome.record, null).kind, 'off');
});

test('a clock-out that is held names its presence when it is sent again', async () => {
  const { controller, server, chrome, click, refuse, accept } = await refusing();
  accept();
  await controller.clockIn({ ...click(), account: ACME });
  server.trouble = refuse;
  await controller.clockOut(click());
  assert.deepEqual([kinds(chrome.record), chrome.record.presence], [[['clock_out', 'acme']], null]);
  accept();
  const { version } = chrome.record;
  /** @type {Omit<Snapshot, 'me'>} */
  const rest = { version, view: 'va', accounts_version: 1, stale_after: 900, presence: [] };
  const place = placeOf(chrome.record, { ...rest, me: server.presence });
  assert.deepEqual([place.kind, place.isHeld], ['elsewhere', true]);
  assert.ok(mayRetryHeld(chrome.record, place));
  const other = placeOf(chrome.record, { ...rest, me: server.presenceOn('birch') });
  assert.deepEqual([other.isHeld, mayRetryHeld(chrome.record, other)], [false, false]);
  await controller.retryHeld();
  assert.equal(server.asked('/v1/clock-out')[0].body.presence_id, 'p1');
  assert.deepEqual(chrome.record.held, []);
});

test('inactivity ends a clock-in that is held', async () => {
  const { chrome, controller, click, pass } = await refusing();
  await controller.clockIn({ ...click(), account: ACME });
  await pass(62, 'idle');
  assert.equal(chrome.record.held[1].reason, 'inactivity');
  assert.equal(chrome.record.notice?.kind, 'inactive');
});

test('it outlives signing out, and is sent when its member is back', async () => {
  const { controller, server, chrome, click, accept } = await refusing();
  await controller.clockIn({ ...click(), account: ACME });
  await controller.signOut(click());
  accept();
  await controller.signIn({ code: 'ben', keep: false });
  assert.deepEqual(sent(server), []);
  await controller.signIn({ code: 'ana', keep: false });
  assert.deepEqual(
    sent(server).map(([path]) => path),
    ['/v1/clock-in', '/v1/clock-out'],
  );
  assert.deepEqual(chrome.record.held, []);
});

for (const [status, code] of /** @type {const} */ ([
  [400, 'bad_request'],
  [403, 'forbidden'],
  [409, 'still_active'],
])) {
  test(`a refusal that is not known is held: ${status} ${code}`, async () => {
    const { controller, server, chrome, click } = await signedIn();
    server.trouble = (_, { account_id }) =>
      account_id === 'acme' ? problem(status, code) : undefined;
    await controller.clockIn({ ...click(), account: ACME });
    assert.deepEqual([kinds(chrome.record), chrome.record.retry], [[['clock_in', 'acme']], null]);
    await controller.clockIn({ ...click(), account: BIRCH });
    assert.equal(chrome.record.presence?.account.id, 'birch');
  });
}

for (const status of [408, 425, 429, 503]) {
  test(`what the server may accept later is sent again: ${status}`, async () => {
    const { controller, server, chrome, click } = await signedIn();
    server.trouble = () => problem(status, 'later');
    await controller.clockIn({ ...click(), account: ACME });
    assert.deepEqual([chrome.record.queue.length, chrome.record.held], [1, []]);
    assert.ok(chrome.record.retry);
  });
}

test('a member may discard it', async () => {
  const { controller, chrome, click } = await refusing();
  await controller.clockIn({ ...click(), account: ACME });
  await controller.discardHeld();
  assert.deepEqual(chrome.record.held, []);
  assert.equal(placeOf(chrome.record, null).kind, 'off');
});

test('a hundred are held at most, and no clock-out without its clock-in', async () => {
  const { chrome } = await signedIn();
  /** @type {(_: unknown, at: number) => ClockEvent[]} */
  const both = (_, at) => [
    { key: `in${at}`, kind: 'clock_in', account: ACME, occurred_at: iso(START) },
    {
      key: `out${at}`,
      kind: 'clock_out',
      account: ACME,
      occurred_at: iso(START),
      after: `in${at}`,
    },
  ];
  const events = Array.from({ length: 60 }, both).flat();
  assert.equal(hold(chrome.record, events.slice(0, 100)).notice, null);
  const { held, notice } = hold(chrome.record, events.slice(1));
  assert.deepEqual(notice, { kind: 'held_full', account: ACME, at: START });
  assert.deepEqual([held.length, held[0].key], [100, 'in10']);
  assert.deepEqual(hold({ ...chrome.record, held }, [events[0]]).held[0].key, 'in11');
});

test('a heartbeat refused as invalid ends no presence', async () => {
  const { controller, server, chrome, click, pass } = await signedIn();
  await controller.clockIn({ ...click(), account: ACME });
  server.trouble = () => problem(422, 'validation_failed');
  await pass(5);
  assert.equal(chrome.record.presence?.account.id, 'acme');
  assert.ok(chrome.record.retry);
});
