/** The board's heartbeats, in web/, over this package's poller. */

import assert from 'node:assert/strict';
import { register } from 'node:module';
import { test } from 'node:test';

import { Tab } from './browser.js';
import { settle, stage, tokenOf } from './support.js';

const HALF = 21_600; // seconds, of a token's life
const BEAT = 45; // seconds

// The server has the package's modules under /client/.
const source = new URL('../src/', import.meta.url).href;
const resolve = `export const resolve = (name, context, next) =>
  next(name.replace(/^\\/client\\//, '${source}'), context);`;
register(`data:text/javascript,${encodeURIComponent(resolve)}`);

test('a hidden board renews the token that its heartbeats need, and polls nothing', async (t) => {
  const { clock, server, locks, poller } = stage(t);
  const scope = new Tab(locks);
  Object.assign(globalThis, { document: Object.assign(new EventTarget(), { hidden: true }) });
  t.after(() => Reflect.deleteProperty(globalThis, 'document'));
  t.mock.method(globalThis, 'fetch', server.fetch);
  /** @type {(beat: () => void, ms: number) => void} */
  const setInterval = (beat, ms) => {
    const again = () => clock.setTimeout(() => (again(), beat()), ms);
    again();
  };
  t.mock.method(globalThis, 'setInterval', setInterval);
  const { Heartbeat } = await import('../../../web/heartbeat.js');
  let token = tokenOf('ana');
  const one = poller({ scope, getToken: () => token, onToken: (renewed) => (token = renewed) });
  one.start();
  await settle();
  scope.hide();
  await settle();
  server.requests.length = 0;
  new Heartbeat(one, () => token, BEAT, new AbortController().signal).follow('presence');
  clock.time += (HALF - 2 * BEAT) * 1000;
  await clock.pass(BEAT);
  assert.equal(server.asked('/v1/sessions/renew').length, 0);
  await clock.pass(3 * BEAT);
  assert.equal(server.asked('/v1/sessions/renew').length, 1);
  assert.notEqual(token, tokenOf('ana'));
  const last = server.asked('/v1/heartbeat').at(-1);
  assert.equal(last?.headers.Authorization, `Bearer ${token}`);
  assert.equal(server.polls.length, 0);
});
