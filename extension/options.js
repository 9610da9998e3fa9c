import { permission, say, store, tell, version } from './chrome.js';
import { patternOf } from './lib/address.js';
import { intended } from './lib/queue.js';
import { recordOf } from './lib/records.js';
import { turns } from './lib/turn.js';
import { timeText } from './lib/words.js';
import { clicked, fillWords, find } from './page.js';

fillWords(document);
find('#version').textContent = say('version', version());
find('#keep').addEventListener('change', ({ target }) => tell('setKeep', { keep: target.checked }));
find('#sign-out').addEventListener('click', () => tell('signOut', clicked()));
find('#forget').addEventListener('click', () => (find('#sure').hidden = false));
find('#forget-now').addEventListener('click', forget);
const inTurn = turns();
const load = () => inTurn(readAndShow);
store.onChange(load);
await load();

async function readAndShow() {
  const state = await store.read();
  const session = await store.session();
  const record = session && session.who === state.who ? recordOf(state) : null;
  find('#member').textContent = record
    ? say('settings_signed_in', record.member.name, record.org.name)
    : say('settings_signed_out');
  find('#server').textContent = state.server ?? say('settings_no_server');
  find('#keep').checked = state.keep;
  find('#keeping').hidden = find('#sign-out').hidden = !record;
  find('#sign-out').textContent = say(record && intended(record) ? 'sign_out_clocked_in' : 'sign_out');
  const waiting = Object.values(state.records).flatMap(({ member, queue }) =>
    queue.map((event) => line(member, event)),
  );
  find('#queue').replaceChildren(...waiting);
  find('#queue').hidden = waiting.length === 0;
  find('#nothing').hidden = waiting.length > 0;
}

function line(member, { kind, account, occurred_at }) {
  const item = document.createElement('li');
  const time = timeText(occurred_at, Date.now());
  item.textContent = say(`settings_${kind}`, member.name, account.name, time);
  return item;
}

async function forget() {
  const { server } = await store.read();
  await tell('forget');
  find('#sure').hidden = true;
  if (server) await permission.drop(patternOf(server));
}
