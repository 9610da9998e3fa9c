/** With Supabase's own sign-in, over HTTP: its tokens last 92 s, and it refreshes them 90 s before. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { GoTrueClient } from '@supabase/auth-js';

import { PresencePoller } from '../src/index.js';

/** @import { IncomingMessage, ServerResponse } from 'node:http' */

const LIFE_SECONDS = 92;
const TAG = 'W/"1"';
const SNAPSHOT = { version: 1, view: 'va', accounts_version: 1, stale_after: 120, presence: [] };
const PATIENCE_MS = 20_000; // on a busy machine

/** @param {unknown} part */
const encoded = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** Both services on one port, and what they were asked. */
class Services {
  issued = 0;
  /** @type {string[]} */
  asked = [];
  /** @type {{token: string | undefined, tag: string | undefined}[]} */
  polls = [];

  session() {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + LIFE_SECONDS };
    const claims = { iss: 'https://abc.supabase.co/auth/v1', sub: 'ana', ...times };
    const token = [{ alg: 'ES256' }, { ...claims, jti: ++this.issued }].map(encoded).join('.');
    return {
      access_token: `${token}.c2ln`,
      refresh_token: `refresh ${this.issued}`,
      token_type: 'bearer',
      expires_in: LIFE_SECONDS,
      expires_at: times.exp,
      user: { id: 'ana' },
    };
  }

  /**
   * @param {IncomingMessage} request
   * @param {ServerResponse} response
   */
  answer = ({ url = '', headers }, response) => {
    const [path] = url.split('?');
    this.asked.push(path);
    response.setHeader('Content-Type', 'application/json');
    if (path === '/auth/v1/token') return response.end(JSON.stringify(this.session()));
    if (path === '/v1/accounts') return response.end('{"accounts": []}');
    if (path !== '/v1/presence') return response.writeHead(204).end();
    const tag = headers['if-none-match'];
    this.polls.push({ token: headers.authorization, tag });
    response.setHeader('ETag', TAG).setHeader('X-Poll-Interval', '1');
    if (tag === TAG) return response.writeHead(304).end();
    return response.end(JSON.stringify({ ...SNAPSHOT, me: null }));
  };
}

/** @param {() => unknown} condition */
async function until(condition) {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(Date.now() < end, `in vain: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('getSession is all it takes, from sign-in over refreshed tokens to sign-out', async (t) => {
  const services = new Services();
  const server = createServer(services.answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;
  const supabase = { auth: new GoTrueClient({ url: `${url}/auth/v1`, persistSession: false }) };
  const poller = new PresencePoller({
    url,
    getToken: async () => (await supabase.auth.getSession()).data.session?.access_token,
  });
  t.after(async () => {
    poller.stop();
    await supabase.auth.stopAutoRefresh();
    server.closeAllConnections();
    server.close();
  });
  supabase.auth.onAuthStateChange((event) => {
    if (event === 'SIGNED_IN') poller.start();
  });

  poller.start();
  await until(() => poller.getState().reason === 'missing');
  await supabase.auth.signInWithPassword({ email: 'ana@example.com', password: 'secret' });
  await until(() => poller.getState().status === 'live');
  await until(() => new Set(services.polls.map(({ token }) => token)).size === 2);
  assert.deepEqual(
    services.polls.map(({ tag }) => tag),
    [undefined, ...services.polls.slice(1).map(() => TAG)],
  );
  assert.equal(poller.getState().status, 'live');

  await supabase.auth.signOut();
  await until(() => poller.getState().reason === 'missing');
  assert.equal(poller.getState().snapshot, null);
  assert.ok(!services.asked.some((path) => path.startsWith('/v1/sessions')));
});
