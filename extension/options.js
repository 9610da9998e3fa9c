/**
 * @import { Account } from './client/index.js'
 * @import { ClockEvent, Elsewhere, MemberRecord } from './lib/types.js'
 */

import { permission, say, storage, tell, version } from './chrome.js';
import { formatClockIn } from './client/badges.js';
import { call } from './client/calls.js';
import { isClockedIn } from './client/wire.js';
import { patternOf } from './lib/address.js';
import { retried } from './lib/held-events.js';
import { Mutex } from './lib/mutex.js';
import { accountOf } from './lib/popup-model.js';
import { intended } from './lib/queue.js';
import { recordOf } from './lib/state.js';
import { clicked, fillWords, find } from './page.js';

fillWords(document);
find('#version').textContent = say('version', version());
const keep = find('#keep', HTMLInputElement);
const signOutButton = find('#sign-out', HTMLButtonElement);
const leaving = find('#leave', HTMLDialogElement);
keep.addEventListener('change', () => tell('setKeep', { keep: keep.checked }));
signOutButton.addEventListener('click', askToSignOut);
find('#leave-out').addEventListener('click', () => signOut({ staysOn: false, elsewhere }));
find('#leave-stay').addEventListener('click', () => signOut({ staysOn: true }));
find('#leave-cancel').addEventListener('click', () => leaving.close());
leaving.addEventListener('close', () => {
  find('#leave-text').textContent = ''; // it names an account, and the page stays open
});
find('#retry-held').addEventListener('click', () => tell('retryHeld'));
find('#discard-held').addEventListener('click', () => tell('discardHeld'));
find('#forget').addEventListener('click', () => {
  find('#sure').hidden = false;
});
find('#forget-now').addEventListener('click', forget);
/** @type {Elsewhere | undefined} the presence that began in another browser, if there is one */
let elsewhere;
const mutex = new Mutex();
const load = () => mutex.runExclusive(readAndShow);
storage.onChange(load);
await load();

async function readAndShow() {
  const state = await storage.read();
  const session = await storage.session();
  const record = session && session.who === state.who ? recordOf(state) : null;
  find('#member').textContent = record
    ? say('settings_signed_in', record.member.name, record.org.name)
    : say('settings_signed_out');
  find('#server').textContent = state.server ?? say('settings_no_server');
  keep.checked = state.keep;
  find('#keeping').hidden = signOutButton.hidden = !record;
  const waiting = record?.queue.map((event) => line(record.member, event)) ?? [];
  find('#queue').replaceChildren(...waiting);
  find('#queue').hidden = waiting.length === 0;
  // Of those who share this browser only the number: where they work is not for others to see.
  const others = Object.values(state.records).filter((other) => other !== record);
  const theirs = others.reduce((count, { queue }) => count + queue.length, 0);
  find('#others').hidden = theirs === 0;
  find('#others').textContent = say('settings_queue_others', String(theirs));
  find('#nothing').hidden = waiting.length + theirs > 0;
  const held = record?.held.map((event) => line(record.member, event)) ?? [];
  find('#held ul').replaceChildren(...held);
  find('#held').hidden = held.length === 0;
  find('#retry-held').hidden = !record || retried(record, null) === record;
}

/**
 * @param {MemberRecord['member']} member
 * @param {ClockEvent} event
 */
function line(member, { kind, account, occurred_at }) {
  const item = document.createElement('li');
  const time = formatClockIn(occurred_at);
  item.textContent = say(`settings_${kind}`, member.name, account.name, time);
  return item;
}

/** A member who is clocked in chooses what becomes of that, as on the board. */
async function askToSignOut() {
  signOutButton.disabled = true;
  const account = await accountNow();
  signOutButton.disabled = false;
  if (!account) return signOut({ staysOn: false });
  find('#leave-text').textContent = say('leave_text', account.name);
  leaving.showModal();
}

/**
 * Where the member is: by what was done here, or else by what the server says, if it answers.
 *
 * @returns {Promise<Account | null>}
 */
async function accountNow() {
  const [state, session] = [await storage.read(), await storage.session()];
  const record = recordOf(state);
  elsewhere = undefined;
  const here = record && intended(record);
  if (here || !record || !session) return here;
  const options = { token: session.token, is: isClockedIn };
  const answer = await call(record.server, 'GET', '/v1/me', options).catch(() => null);
  if (!answer) return null;
  const { id, account_id } = answer.data.presence;
  const account = accountOf(record, account_id);
  elsewhere = { id, account };
  return account;
}

/** @param {{staysOn: boolean, elsewhere?: Elsewhere}} options */
async function signOut(options) {
  leaving.close();
  await tell('signOut', { ...clicked(), ...options });
}

async function forget() {
  const { server } = await storage.read();
  await tell('forget');
  find('#sure').hidden = true;
  if (server) await permission.drop(patternOf(server));
}
