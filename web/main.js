/** Which screen there is: signing in, or the board. */

import { signIn } from '/client/api.js';
import { forget, keep, kept } from './session.js';

const FAREWELLS = {
  invalid: 'Your session is not valid any more. Sign in again.',
  expired: 'Your session has run out. Sign in again.',
  revoked: 'An admin has ended your sessions. Sign in again, perhaps with a new code.',
  deactivated: 'Your membership has been deactivated. Ask an admin.',
  forbidden: 'You may not see this board. Ask an admin.',
  signed_out: 'You are signed out.',
};

const form = document.querySelector('#sign-in form');
const code = document.getElementById('code');
const error = document.getElementById('code-error');
const farewell = document.getElementById('farewell');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  error.textContent = '';
  button.disabled = true;
  try {
    if (!code.value.trim()) throw new Error('Type your access code.');
    keep(await signIn('', code.value));
    await openBoard();
  } catch (failure) {
    error.textContent = failure.message;
    code.focus();
  }
  button.disabled = false;
});

async function openBoard() {
  // Who only signs in needs no more than this file to see the form.
  const { Board } = await import('./board.js');
  code.value = '';
  farewell.hidden = true;
  show('board');
  new Board(kept(), { onToken: (_, session) => keep(session), onSignedOut });
}

function onSignedOut(reason, stillOn) {
  forget();
  farewell.textContent = FAREWELLS[reason] ?? FAREWELLS.invalid;
  if (stillOn) farewell.textContent += ` You are still clocked in on ${stillOn}.`;
  farewell.hidden = false;
  show('sign-in');
  code.focus();
}

const show = (screen) => (document.documentElement.dataset.screen = screen);

if (kept()) openBoard();
else code.focus();
