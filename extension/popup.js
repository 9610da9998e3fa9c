/**
 * @import { Snapshot } from './client/index.js'
 * @import { Place } from './lib/popup-model.js'
 * @import { MemberRecord, State } from './lib/types.js'
 *
 * @typedef {'address' | 'sign-in' | 'main'} Screen
 */

import { AccountRows } from './account-rows.js';
import { clock, openSettings, permission, say, storage, tell } from './chrome.js';
import { formatClockIn } from './client/badges.js';
import { call } from './client/calls.js';
import { isAccounts } from './client/wire.js';
import { addressOf, patternOf } from './lib/address.js';
import { durationText, errorText, heldText, noticeText, waitingText } from './lib/messages.js';
import { Mutex } from './lib/mutex.js';
import {
  farewellOf,
  isContradicted,
  mayRetryHeld,
  placeOf,
  rowsOf,
  screenOf,
  waitingFor,
} from './lib/popup-model.js';
import { SnapshotPoller } from './lib/snapshot-poller.js';
import { recordOf } from './lib/state.js';
import { colourOf, initials } from './lib/toolbar.js';
import { clicked, fillWords, find, showText } from './page.js';

const DURATION_MS = 10_000; // between two looks at how long

/** @type {State} */
let state;
/** @type {Screen | undefined} */
let screen;
let contradicted = 0; // the version of a snapshot that was already asked about
/** @type {Place} */
let place;

const addressField = find('#server', HTMLInputElement);
const codeField = find('#code', HTMLInputElement);
const keepBox = find('#keep', HTMLInputElement);
const signInButton = find('#sign-in .main', HTMLButtonElement);
const mutex = new Mutex();
/** Read everything again and show it. */
const load = () => mutex.runExclusive(readAndShow);
const poller = new SnapshotPoller({ where, onChange: onSnapshot, onRefused, clock });
const rows = new AccountRows((account) => tell('clockIn', { ...clicked(), account }));

fillWords(document);
find('#address form').addEventListener('submit', chooseServer);
find('#sign-in form').addEventListener('submit', signIn);
find('#change-server').addEventListener('click', () => show('address'));
find('#settings').addEventListener('click', openSettings);
find('#notice button').addEventListener('click', () => tell('dismiss'));
find('#held button').addEventListener('click', () => tell('retryHeld'));
find('#place button').addEventListener('click', clockOut);
storage.onChange(load);
setInterval(() => inMain(showPlace), DURATION_MS);
await load();
if (screen === 'main') await tell('look');

async function where() {
  const { server } = await storage.read();
  return { server: server ?? '', token: (await storage.session())?.token };
}

/**
 * Do what needs a member who is signed in.
 *
 * @template T
 * @param {(record: MemberRecord) => T} act
 */
function inMain(act) {
  const record = screen === 'main' ? recordOf(state) : null;
  return record ? act(record) : undefined;
}

async function readAndShow() {
  const [read, found] = await Promise.all([storage.read(), storage.session()]);
  const isAllowed = read.server !== null && (await permission.has(patternOf(read.server)));
  const known = state && recordOf(state)?.version;
  state = read;
  show(screenOf(state, found, isAllowed));
  inMain(({ version }) => version !== known && poller.refresh(version));
}

/** @param {Screen} name */
function show(name) {
  const isNew = screen !== name;
  screen = name;
  for (const id of ['address', 'sign-in', 'main']) find(`#${id}`).hidden = id !== name;
  if (name !== 'main') poller.stop();
  inMain(showMain);
  if (name === 'sign-in') showSignIn();
  if (!isNew) return;
  if (name === 'address') addressField.value = state.server ?? '';
  (name === 'address' ? addressField : codeField).focus();
  if (name === 'main') poller.refresh();
}

function showSignIn() {
  const farewell = farewellOf(state);
  const said = farewell ? [say(farewell.reason)] : [];
  if (farewell?.stillOn) said.push(say('farewell_on', farewell.stillOn));
  showText(find('#farewell'), said.join(' '));
  const left = waitingFor(state).map(({ name, count }) =>
    count === 1 ? say('left_one', name) : say('left_many', name, String(count)),
  );
  showText(find('#left-behind'), left.join(' '));
  find('#where').textContent = state.server;
}

/** @param {MemberRecord} record */
function showMain(record) {
  find('#org').textContent = find('#org').title = record.org.name;
  find('#member').textContent = record.member.name;
  const { status } = poller;
  find('#connection').dataset.status = status;
  find('#connection span').textContent = say(`connection_${status}`);
  showPlace(record);
  const { queue, held, notice, retry } = record;
  // What is just being sent does not wait.
  const isWaiting = retry && queue.length > 0;
  showText(find('#waiting'), isWaiting ? waitingText(say, queue, Date.now()) : '');
  showText(find('#notice'), notice ? noticeText(say, notice, Date.now()) : '');
  find('#notice').classList.toggle('bad', notice?.kind !== 'inactive');
  showText(find('#held'), held.length > 0 ? heldText(say, held, Date.now()) : '');
  find('#held button').hidden = !mayRetryHeld(record, place);
  find('#unknown').hidden = status !== 'reconnecting';
  rows.show(rowsOf(record, poller.snapshot));
}

/** @param {MemberRecord} record */
function showPlace(record) {
  place = placeOf(record, poller.snapshot);
  const { kind, account } = place;
  const section = find('#place');
  section.dataset.kind = kind;
  find('#place bdi').textContent = account?.name ?? say('off');
  find('#place small').textContent = placeText(record);
  find('#place .initials').textContent = account ? initials(account.name) : '';
  section.style.setProperty('--initials', account ? colourOf(account.id) : 'none');
  find('#place button').hidden = kind === 'off';
}

/** @param {MemberRecord} record */
function placeText({ skew, retry }) {
  const { kind, since, isPending, isHeld } = place;
  if (!since) return say('off_hint');
  const time = formatClockIn(since);
  if (isPending) return retry ? say(`pending_${kind}`, time) : say('sending');
  if (isHeld) return say(kind === 'on' ? 'held_on' : 'held_out', time);
  if (kind === 'elsewhere') return say('elsewhere', time);
  return say('on_since', durationText(say, Date.now() + skew - Date.parse(since)), time);
}

function onSnapshot() {
  void inMain(follow);
}

/** @param {MemberRecord} record */
async function follow(record) {
  showMain(record);
  const { snapshot, status } = poller;
  const isAway = record.retry !== null || record.queue.length > 0;
  if (status === 'live' && isAway) await tell('look');
  if (!snapshot) return;
  if (isContradicted(record, snapshot) && contradicted !== snapshot.version) {
    contradicted = snapshot.version;
    await tell('look');
  }
  if (snapshot.accounts_version !== record.accountsVersion) await readAccounts(snapshot);
}

/** @param {Snapshot} snapshot */
async function readAccounts({ accounts_version: accountsVersion }) {
  const { server, token } = await where();
  // Without an answer the next snapshot asks again.
  const answer = await call(server, 'GET', '/v1/accounts', { token, is: isAccounts }).catch(
    () => null,
  );
  if (answer) await tell('setAccounts', { ...answer.data, accountsVersion });
}

/**
 * @param {string} token
 * @param {string} reason
 */
async function onRefused(token, reason) {
  await tell('refuse', { token, reason });
}

/**
 * Chrome may close the popup to ask. What was chosen is stored by then.
 *
 * @param {Event} event
 */
async function chooseServer(event) {
  event.preventDefault();
  const chosen = addressOf(addressField.value);
  find('#server-error').textContent = 'problem' in chosen ? say(chosen.problem) : '';
  if ('problem' in chosen) return;
  const { url } = chosen;
  const allowed = permission.ask(patternOf(url));
  await tell('setServer', { server: url });
  if (!(await allowed)) find('#server-error').textContent = say('address_refused');
  await load();
}

/** @param {Event} event */
async function signIn(event) {
  event.preventDefault();
  const error = find('#code-error');
  if (!codeField.value.trim()) {
    error.textContent = say('code_missing');
    return;
  }
  signInButton.disabled = true;
  const answer = await tell('signIn', { code: codeField.value, keep: keepBox.checked });
  signInButton.disabled = false;
  error.textContent = answer.error ? errorText(say, answer.error) : '';
  if (answer.error) codeField.focus();
  else codeField.value = '';
}

function clockOut() {
  const { presence, account } = place;
  const elsewhere = presence ? { id: presence.id, account } : undefined;
  return tell('clockOut', { ...clicked(), elsewhere });
}
