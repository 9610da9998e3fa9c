import { permission, say, storage, tell, version } from './chrome.js';
import { formatClockIn } from './client/badges.js';
import { call } from './client/calls.js';
import { isClockedIn } from './client/wire.js';
import { patternOf } from './lib/address.js';
import { Mutex } from './lib/mutex.js';
import { accountOf } from './lib/popup-model.js';
import { intended } from './lib/queue.js';
import { recordOf } from './lib/state.js';
import { clicked, fillWords, find } from './page.js';

fillWords(document);
find('#version').textContent = say('version', version());
find('#keep').addEventListener('change', ({ target }) => tell('setKeep', { keep: target.checked }));
find('#sign-out').addEventListener('click', askToSignOut);
find('#leave-out').addEventListener('click', () => signOut({ staysOn: false, elsewhere }));
find('#leave-stay').addEventListener('click', () => signOut({ staysOn: true }));
find('#leave-cancel').addEventListener('click', () => find('#leave').close());
find('#forget').addEventListener('click', () => (find('#sure').hidden = false));
find('#forget-now').addEventListener('click', forget);
let elsewhere; // the presence that began in another browser, where there is one
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
  find('#keep').checked = state.keep;
  find('#keeping').hidden = find('#sign-out').hidden = !record;
  const waiting = Object.values(state.records).flatMap(({ member, queue }) =>
    queue.map((event) => line(member, event)),
  );
  find('#queue').replaceChildren(...waiting);
  find('#queue').hidden = waiting.length === 0;
  find('#nothing').hidden = waiting.length > 0;
}

function line(member, { kind, account, occurred_at }) {
  const item = document.createElement('li');
  const time = formatClockIn(occurred_at);
  item.textContent = say(`settings_${kind}`, member.name, account.name, time);
  return item;
}

/** Who is clocked in says what becomes of that; the board asks the same. */
async function askToSignOut({ target }) {
  target.disabled = true;
  const account = await accountNow();
  target.disabled = false;
  if (!account) return signOut({ staysOn: false });
  find('#leave-text').textContent = say('leave_text', account.name);
  find('#leave').showModal();
}

/** Where the member is by what was done here, or else by the server's word, if it answers. */
async function accountNow() {
  const [state, session] = [await storage.read(), await storage.session()];
  const record = recordOf(state);
  elsewhere = undefined;
  const here = record && intended(record);
  if (here || !session) return here;
  const asked = call(state.server, 'GET', '/v1/me', { token: session.token, is: isClockedIn });
  const { id, account_id } = await asked.then(
    ({ data }) => data.presence,
    () => ({}),
  );
  if (!id) return null;
  const account = accountOf(record, account_id);
  elsewhere = { id, account };
  return account;
}

async function signOut(options) {
  find('#leave').close();
  await tell('signOut', { ...clicked(), ...options });
}

async function forget() {
  const { server } = await storage.read();
  await tell('forget');
  find('#sure').hidden = true;
  if (server) await permission.drop(patternOf(server));
}
