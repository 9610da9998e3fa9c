import { AccountRows } from './account-rows.js';
import { clock, openSettings, permission, say, storage, tell } from './chrome.js';
import { formatClockIn } from './client/badges.js';
import { call } from './client/calls.js';
import { isAccounts } from './client/wire.js';
import { addressOf, patternOf } from './lib/address.js';
import { durationText, errorText, noticeText, waitingText } from './lib/messages.js';
import { Mutex } from './lib/mutex.js';
import {
  farewellOf,
  isContradicted,
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

let state;
let session;
let screen;
let contradicted = 0; // the version of a snapshot that was already asked about
let place;

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
find('#place button').addEventListener('click', clockOut);
storage.onChange(load);
setInterval(() => screen === 'main' && showPlace(), DURATION_MS);
await load();
if (screen === 'main') await tell('look');

async function where() {
  const { server } = await storage.read();
  return { server, token: (await storage.session())?.token };
}

async function readAndShow() {
  const [read, found] = await Promise.all([storage.read(), storage.session()]);
  const isAllowed = read.server !== null && (await permission.has(patternOf(read.server)));
  const known = state && recordOf(state)?.version;
  [state, session] = [read, found];
  show(screenOf(state, session, isAllowed));
  const record = recordOf(state);
  if (screen === 'main' && record.version !== known) poller.refresh(record.version);
}

function show(name) {
  const isNew = screen !== name;
  screen = name;
  for (const id of ['address', 'sign-in', 'main']) find(`#${id}`).hidden = id !== name;
  if (name === 'main') showMain();
  else poller.stop();
  if (name === 'sign-in') showSignIn();
  if (!isNew) return;
  if (name === 'address') find('#server').value = state.server ?? '';
  find(name === 'address' ? '#server' : '#code').focus();
  if (name === 'main') poller.refresh();
}

function showSignIn() {
  const [reason, on, account] = farewellOf(state) ?? [];
  showText(
    find('#farewell'),
    [reason && say(reason), on && say(on, account)].filter(Boolean).join(' '),
  );
  const left = waitingFor(state).map(({ name, count }) =>
    count === 1 ? say('left_one', name) : say('left_many', name, String(count)),
  );
  showText(find('#left-behind'), left.join(' '));
  find('#where').textContent = state.server;
}

function showMain() {
  const record = recordOf(state);
  find('#org').textContent = find('#org').title = record.org.name;
  find('#member').textContent = record.member.name;
  const { status } = poller;
  find('#connection').dataset.status = status;
  find('#connection span').textContent = say(`connection_${status}`);
  showPlace();
  const { queue, notice, retry } = record;
  // What is just being sent does not wait.
  const isWaiting = retry && queue.length > 0;
  showText(find('#waiting'), isWaiting ? waitingText(say, queue, Date.now()) : '');
  showText(find('#notice'), notice ? noticeText(say, notice, Date.now()) : '');
  find('#notice').classList.toggle('bad', notice?.kind !== 'inactive');
  find('#unknown').hidden = status !== 'reconnecting';
  rows.show(rowsOf(record, poller.snapshot));
}

function showPlace() {
  const record = recordOf(state);
  place = placeOf(record, poller.snapshot);
  const { kind, account } = place;
  const section = find('#place');
  section.dataset.kind = kind;
  section.querySelector('strong').textContent = account?.name ?? say('off');
  section.querySelector('small').textContent = placeText(record);
  section.querySelector('.initials').textContent = account ? initials(account.name) : '';
  section.style.setProperty('--initials', account ? colourOf(account.id) : 'none');
  section.querySelector('button').hidden = kind === 'off';
}

function placeText({ skew, retry }) {
  const { kind, since, isPending } = place;
  if (!since) return say('off_hint');
  const time = formatClockIn(since);
  if (isPending) return retry ? say(`pending_${kind}`, time) : say('sending');
  if (kind === 'elsewhere') return say('elsewhere', time);
  return say('on_since', durationText(say, Date.now() + skew - Date.parse(since)), time);
}

async function onSnapshot() {
  if (screen !== 'main') return;
  showMain();
  const { snapshot, status } = poller;
  const record = recordOf(state);
  const isAway = record.retry !== null || record.queue.length > 0;
  if (status === 'live' && isAway) await tell('look');
  if (!snapshot) return;
  if (isContradicted(record, snapshot) && contradicted !== snapshot.version) {
    contradicted = snapshot.version;
    await tell('look');
  }
  if (snapshot.accounts_version !== record.accountsVersion) await readAccounts(snapshot);
}

async function readAccounts({ accounts_version: accountsVersion }) {
  const { server, token } = await where();
  // Without an answer the next snapshot asks again.
  const answer = await call(server, 'GET', '/v1/accounts', { token, is: isAccounts }).catch(
    () => null,
  );
  if (answer) await tell('setAccounts', { ...answer.data, accountsVersion });
}

async function onRefused(token, reason) {
  await tell('refuse', { token, reason });
}

/** Chrome may close the popup to ask: then what was chosen is already kept. */
async function chooseServer(event) {
  event.preventDefault();
  const { url, problem } = addressOf(find('#server').value);
  find('#server-error').textContent = problem ? say(problem) : '';
  if (problem) return;
  const allowed = permission.ask(patternOf(url));
  await tell('setServer', { server: url });
  if (!(await allowed)) find('#server-error').textContent = say('address_refused');
  await load();
}

async function signIn(event) {
  event.preventDefault();
  const [field, button, error] = [find('#code'), event.submitter, find('#code-error')];
  if (!field.value.trim()) {
    error.textContent = say('code_missing');
    return;
  }
  button.disabled = true;
  const answer = await tell('signIn', { code: field.value, keep: find('#keep').checked });
  button.disabled = false;
  error.textContent = answer.error ? errorText(say, answer.error) : '';
  if (answer.error) field.focus();
  else field.value = '';
}

function clockOut() {
  const { kind, presence, account } = place;
  const elsewhere = kind === 'elsewhere' ? { id: presence.id, account } : undefined;
  return tell('clockOut', { ...clicked(), elsewhere });
}
