/**
 * Which screen there is: signing in, or the board.
 *
 * @import { Reason, Session } from '/client/index.js'
 */

import { find, isolated, messageOf } from './page.js';
import { forget, keep, kept, renew } from './session.js';

/** @type {Record<string, string>} */
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

const form = find('#sign-in form', HTMLFormElement);
const code = find('#code', HTMLInputElement);
const username = find('[name=username]', HTMLInputElement);
const keepBox = find('#keep', HTMLInputElement);
const error = find('#code-error');
const farewell = find('#farewell');
const button = find('#sign-in .main', HTMLButtonElement);

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  reveal(false); // for password managers
  error.textContent = '';
  button.disabled = true;
  try {
    if (!code.value.trim()) throw new Error('Type your access code.');
    // Neither the form nor the board's first content needs it.
    const { signIn } = await import('/client/calls.js');
    const session = await signIn('', code.value);
    username.value = session.member.display_name;
    keep(session, keepBox.checked);
    await openBoard();
  } catch (failure) {
    error.textContent = messageOf(failure);
    code.focus();
  }
  button.disabled = false;
});

find('#reveal').addEventListener('click', () => reveal(code.type === 'password'));
addEventListener('hashchange', takeCode);

/** @param {boolean} isShown */
function reveal(isShown) {
  code.type = isShown ? 'text' : 'password';
  find('#reveal').textContent = isShown ? 'Hide' : 'Show';
}

/** A link may bring a code, as `/#code=K7QF-9TWM-2XHP`. It is sent to no server, and removed at once. */
function takeCode() {
  const given = new URLSearchParams(location.hash.slice(1)).get('code');
  if (given === null) return;
  history.replaceState(null, '', location.pathname + location.search);
  if (!kept()) code.value = given;
}

async function openBoard() {
  const session = kept();
  if (!session) return askToSignIn();
  // The sign-in form needs nothing of the board.
  const { Board } = await import('./board.js');
  form.reset();
  farewell.hidden = true;
  show('board');
  /** @type {(token: string, renewed: Session) => void} */
  const onToken = (_, renewed) => renew(renewed);
  new Board(session, { onToken, onSignedOut, onUntold });
}

/**
 * @param {Reason | null} reason
 * @param {string | null} token the one that is no longer accepted
 * @param {string | undefined} stillOn the account that the member is on
 */
function onSignedOut(reason, token, stillOn) {
  forget((session) => session.token === token);
  // Another tab has signed in on this computer since.
  if (kept()) return location.reload();
  farewell.textContent = FAREWELLS[reason ?? 'invalid'] ?? FAREWELLS.invalid;
  if (stillOn) farewell.append(' You are still clocked in on ', isolated(stillOn), '.');
  farewell.hidden = false;
  askToSignIn();
}

function onUntold() {
  farewell.append(' The server could not be told: there the session ends by itself, later.');
}

function askToSignIn() {
  show('sign-in');
  code.focus();
}

/** @param {string} screen */
const show = (screen) => (document.documentElement.dataset.screen = screen);

takeCode();
if (kept()) openBoard();
else askToSignIn();
