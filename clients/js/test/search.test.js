import assert from 'node:assert/strict';
import { test } from 'node:test';

import { folded, matches } from '../src/search.js';

test('case, accents and spaces around the words do not matter', () => {
  assert.equal(folded('Café OLÉ'), 'cafe ole');
  assert.ok(matches(' OLE ', 'Café Olé'));
  assert.ok(matches('olé', 'Cafe Ole'));
});

test('a match may be in any of the texts', () => {
  assert.ok(matches('reyes', 'Acme Dental', 'Ana Reyes'));
  assert.ok(!matches('reyes', 'Acme Dental', ''));
  assert.ok(matches('', 'Acme Dental'));
});
