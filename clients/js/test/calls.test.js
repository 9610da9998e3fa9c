/** Calls against servers that hang or send callers elsewhere. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { call, signIn } from '../src/calls.js';

const LIMIT_MS = 10_000;

/** @import { RequestListener } from 'node:http' */
/** @import { AddressInfo } from 'node:net' */
/** @import { TestContext } from 'node:test' */

/**
 * The address of a server, which ends with the test.
 *
 * @param {TestContext} t
 * @param {RequestListener} answer
 */
async function serving(t, answer) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const { port } = /** @type {AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}

const UNREACHABLE = { name: 'PresenceError', status: 0, code: 'unreachable' };

test('a call ends after 10 s, whether the head or the rest of the body does not come', async (t) => {
  const url = await serving(t, (request, response) => {
    if (request.url === '/body') response.writeHead(200).write('{');
  });
  const begun = performance.now();
  const calls = [
    call(url, 'POST', '/head', { token: 'a token', body: {} }),
    call(url, 'GET', '/body', { token: 'a token' }),
    signIn(url, 'a code'),
  ];
  await Promise.all(calls.map((one) => assert.rejects(one, UNREACHABLE)));
  const ms = performance.now() - begun;
  assert.ok(ms > LIMIT_MS - 100 && ms < 2 * LIMIT_MS, `${ms} ms`);
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`no call follows a ${status}, and its token goes nowhere else`, async (t) => {
    let asked = 0;
    const elsewhere = await serving(t, (_request, response) => {
      asked += 1;
      response.end('{}');
    });
    const url = await serving(t, (_request, response) => {
      response.writeHead(status, { Location: `${elsewhere}/v1/clock-in` }).end();
    });
    await assert.rejects(call(url, 'POST', '/v1/clock-in', { token: 'a token' }), UNREACHABLE);
    await assert.rejects(call(url, 'GET', '/v1/presence', { token: 'a token' }), UNREACHABLE);
    assert.equal(asked, 0);
  });
}

test('package, board and extension call the service by this one function', () => {
  const root = new URL('../../../', import.meta.url);
  const calling = ['clients/js/src', 'clients/js/src/react', 'web', 'extension', 'extension/lib']
    .flatMap((folder) => readdirSync(new URL(folder, root)).map((name) => `${folder}/${name}`))
    .filter((name) => name.endsWith('.js'))
    .filter((name) =>
      /\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket|EventSource/.test(
        readFileSync(new URL(name, root), 'utf8'),
      ),
    );
  assert.deepEqual(calling, ['clients/js/src/calls.js']);
});
