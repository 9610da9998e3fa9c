/** Which screen there is: signing in, or the board. */

import { signIn } from '/client/calls.js';
import { forget, keep, kept, renew } from './session.js';

const FAREWELLS = {
  missing: 'You are signed out.',
  signed_out: 'You are signed out.',
  invalid: 'Your session is no longer valid. Sign in again.',
  expired: 'Your session or your access code has run out. Sign in again.',
  revoked:
    'An admin has ended your session or revoked your code. Sign in again, perhaps with a new code.',
  deactivated: 'Your membership has been deactivated. Ask an admin.',
  unknown_member: 'You are not a member here. Ask an admin.',
  forbidden: 'You may not see this board. Ask an admin.',
};

const find = (id) => document.getElementById(id);
const [code, error, farewell] = ['code', 'code-error', 'farewell'].map(find);
const form = code.form;
const button = form.querySelector('.main');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  reveal(false); // for whatever remembers passwords
  error.textContent = '';
  button.disabled = true;
  try {
    if (!code.value.trim()) throw new Error('Type your access code.');
    const session = await signIn('', code.value);
    form.username.value = session.member.display_name;
    keep(session, form.keep.checked);
    await openBoard();
  } catch (failure) {
    error.textContent = failure.message;
    code.focus();
  }
  button.disabled = false;
});

find('reveal').addEventListener('click', () => reveal(code.type === 'password'));
addEventListener('hashchange', takeCode);

function reveal(isShown) {
  code.type = isShown ? 'text' : 'password';
  find('reveal').textContent = isShown ? 'Hide' : 'Show';
}

/** A link may bring a code, as `/#code=K7QF-9TWM-2XHP`: no server is sent it, and it is not left there. */
function takeCode() {
  const given = new URLSearchParams(location.hash.slice(1)).get('code');
  if (given === null) return;
  history.replaceState(null, '', location.pathname + location.search);
  if (!kept()) code.value = given;
}

async function openBoard() {
  // Who only signs in needs no more than this file to see the form.
  const { Board } = await import('./board.js');
  form.reset();
  farewell.hidden = true;
  show('board');
  const onToken = (_, session) => renew(session);
  new Board(kept(), { onToken, onSignedOut, onUntold });
}

/** @param token the one that is good no more */
function onSignedOut(reason, token, stillOn) {
  forget((session) => session.token === token);
  // In another tab somebody has signed in on this computer since.
  if (kept()) return location.reload();
  farewell.textContent = FAREWELLS[reason] ?? FAREWELLS.invalid;
  if (stillOn) farewell.textContent += ` You are still clocked in on ${stillOn}.`;
  farewell.hidden = false;
  askToSignIn();
}

function onUntold() {
  farewell.textContent += ' The server could not be told: there the session ends by itself, later.';
}

function askToSignIn() {
  show('sign-in');
  code.focus();
}

const show = (screen) => (document.documentElement.dataset.screen = screen);

takeCode();
if (kept()) openBoard();
else askToSignIn();
