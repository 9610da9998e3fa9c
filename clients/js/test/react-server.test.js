import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createElement } from 'react';
import { renderToString } from 'react-dom/server';

import { badgeOf } from '../src/badge.js';
import { AccountSelector, OccupancyBadge, usePresence } from '../src/react/index.js';
import { Service } from './service.js';
import { ACCOUNTS, adminsSnapshot } from './world.js';

/** @import { FunctionComponent } from 'react' */

/**
 * @template {object} P
 * @param {FunctionComponent<P>} component
 * @param {P} [props]
 */
const html = (component, props) => renderToString(createElement(component, props));

test('there is no page in this process', () => {
  assert.equal(globalThis.document, undefined);
});

test('the hook renders on a server as connecting, and asks nothing', () => {
  const service = new Service(adminsSnapshot());
  const Status = () => {
    const { status, loading, presence } = usePresence(service.options);
    return `${status} ${loading} ${presence.size}`;
  };
  assert.equal(html(Status), 'connecting true 0');
  assert.equal(service.polls, 0);
});

test("a server, which knows no viewer's clock or zone, renders a badge without times", () => {
  const badge = badgeOf(adminsSnapshot(), 'birch');
  assert.equal(
    html(OccupancyBadge, { badge }),
    '<span class="presence-badge" data-kind="member" data-stale="true">Ben Okafor</span>',
  );
});

test('a selector renders on a server, closed, with the name of what is chosen', () => {
  const snapshot = adminsSnapshot();
  const page = html(AccountSelector, {
    accounts: ACCOUNTS,
    snapshot,
    value: 'cafe',
    onChange() {},
  });
  assert.match(page, /role="combobox"[^>]*aria-expanded="false"[^>]*value="Café Olé"/);
  assert.doesNotMatch(page, /Ana Reyes|role="option"/);
});
