/**
 * The board of one session: what the poller finds, shown.
 *
 * @import { Account, Own, Reason, Session, Snapshot } from '/client/index.js'
 * @import { Badge } from '/client/badges.js'
 * @import { Action, Row } from './row.js'
 * @import { KeptSession } from './session.js'
 *
 * @typedef {object} Listeners
 * @property {(token: string, session: Session) => void} onToken
 * @property {(reason: Reason | null, token: string | null, stillOn?: string) => void} onSignedOut
 * @property {() => void} onUntold the server could not be told of the sign-out
 */

import { formatClockIn } from '/client/badges.js';
import { PresencePoller } from '/client/index.js';
import { claimsOf } from '/client/wire.js';
import { Actions } from './actions.js';
import { Heartbeat } from './heartbeat.js';
import { Leaving } from './leave.js';
import { find, isolated } from './page.js';
import { Rows } from './rows.js';
import { forget, kept } from './session.js';
import { Filters, offerThemes, showConnection } from './tools.js';

const MINUTE_MS = 60_000;
const SPEAK_AFTER_MS = 1000; // what changes meanwhile is said together
const SPOKEN_MOST = 3;

export class Board {
  #end = new AbortController();
  /** @type {Map<string, string>} sentences by account */
  #unspoken = new Map();
  /** @type {Snapshot['view'] | null} */
  #view = null;
  /** @type {{id: string, name: string} | null} */
  #me = null;
  /** @type {string | null} the token that was used last */
  #used = null;

  /**
   * @param {KeptSession} session
   * @param {Listeners} listeners
   */
  constructor({ member, org, heartbeat_interval }, { onToken, onSignedOut, onUntold }) {
    const { signal } = this.#end;
    this.org = org;
    this.member = member;
    this.onSignedOut = onSignedOut;
    this.onUntold = onUntold;
    const token = () => this.#token();
    this.poller = new PresencePoller({ url: '', getToken: token, onToken });
    this.actions = new Actions(this.poller, token, signal);
    this.leaving = new Leaving(
      () => this.#me?.name,
      () => this.actions.clockOutToLeave(),
      (staysOn) => this.#signOut(staysOn),
      signal,
    );
    this.heartbeat = new Heartbeat(this.poller, token, heartbeat_interval, signal);
    this.rows = new Rows(find('#rows'), (action, row) => this.actions.run(action, row), signal);
    this.filters = new Filters(
      () => this.#sift(),
      () => this.rows.focusFirst(),
      signal,
    );
    offerThemes(signal);
    find('#between button').addEventListener('click', () => location.reload(), { signal });
    this.#head(signal);
    const minute = setInterval(() => this.rows.drawTimes(this.poller.now()), MINUTE_MS);
    signal.addEventListener('abort', () => clearInterval(minute));
    this.poller.subscribe(() => this.#show());
    this.poller.start();
  }

  /** The token of this board's member: the session that is kept may be another's by now. */
  #token() {
    const session = kept();
    if (session?.member.id !== this.member.id) return null;
    this.#used = session.token;
    return session.token;
  }

  /** @param {boolean} staysOn */
  async #signOut(staysOn) {
    if (!staysOn) this.#showOwn(null); // before the next poll says it
    forget(({ member }) => member.id === this.member.id);
    if (!(await this.poller.signOut())) this.onUntold();
  }

  /** @param {AbortSignal} signal */
  #head(signal) {
    find('#org').textContent = this.org.name;
    document.title = `${this.org.name} – Presence`;
    find('#viewer').textContent = this.member.display_name;
    find('#sign-out').addEventListener('click', () => this.leaving.ask(), { signal });
    const button = find('#own button', HTMLButtonElement);
    const clockOut = () => this.actions.clockOut(this.#me?.name ?? '', button);
    button.addEventListener('click', clockOut, { signal });
  }

  #show() {
    const { status, reason, snapshot, accounts } = this.poller.getState();
    if (status === 'signed-out') return this.#close(reason);
    showConnection(status, reason, this.poller.checkedAt);
    if (!snapshot || !accounts) return;
    this.#follow(snapshot.view);
    const bound = claimsOf(this.#used ?? '').acct;
    /** @type {Parameters<Rows['update']>[2]} */
    const actionOf = (id, badge) => actionFor(id, badge, snapshot.me, bound);
    const changed = this.rows.update(accounts, snapshot, actionOf, this.poller.now());
    this.filters.show(this.rows.counts(), snapshot.view === 'admin');
    this.#showOwn(snapshot.me);
    this.#sayEmpty();
    for (const row of changed) this.#announce(row);
  }

  /**
   * A viewer who is no longer an admin sees no name any more, wherever one was shown.
   *
   * @param {Snapshot['view'] | null} view
   */
  #follow(view) {
    if (view === this.#view) return;
    this.#view = view;
    find('#role').textContent = view === 'admin' ? 'Admin' : 'VA';
    find('#changes').textContent = '';
    this.#unspoken.clear();
    this.actions.close();
    this.leaving.close();
    this.actions.say();
  }

  /** @param {Own | null} me */
  #showOwn(me) {
    this.heartbeat.follow(me?.id ?? null);
    const name = me && (this.rows.get(me.account_id)?.name ?? 'an account');
    if (me?.id === this.#me?.id && name === this.#me?.name) return;
    this.#me = me && name ? { id: me.id, name } : null;
    find('#own').hidden = !me;
    if (!me || !name) return find('#own p').replaceChildren();
    const since = formatClockIn(me.clocked_in_at, { now: this.poller.now() });
    find('#own p').replaceChildren('You are on ', isolated(name), ` since ${since}`);
  }

  #sift() {
    this.rows?.sift(this.filters.words, this.filters.kind);
    this.#sayEmpty();
  }

  #sayEmpty() {
    const { accounts } = this.poller.getState();
    const empty = find('#empty');
    empty.hidden = !accounts || this.rows.visible > 0;
    if (empty.hidden || !accounts) return;
    const parts = accounts.length ? this.#nothingFound() : this.#noAccounts();
    empty.replaceChildren(...parts);
  }

  #nothingFound() {
    const again = element('button', 'Show all accounts');
    again.addEventListener('click', () => this.filters.reset());
    return [element('strong', 'No account matches'), again];
  }

  #noAccounts() {
    const title = element('strong', 'No accounts yet');
    if (this.#view !== 'admin') return [title, 'Ask an admin to add the first one.'];
    const command = element('code', 'scripts/add-account "Acme Dental"');
    return [title, 'Add the first one from a terminal:', command];
  }

  /** @param {Row} row */
  #announce({ id, name, label }) {
    if (!this.#unspoken.size) setTimeout(() => this.#speak(), SPEAK_AFTER_MS);
    this.#unspoken.set(id, `${name}: ${label.textContent || 'free'}`);
  }

  #speak() {
    const said = [...this.#unspoken.values()];
    this.#unspoken.clear();
    find('#changes').textContent =
      said.length > SPOKEN_MOST ? `${said.length} accounts changed.` : said.join('. ');
  }

  /** @param {Reason | null} reason */
  #close(reason) {
    const stillOn = this.#me?.name;
    this.#end.abort();
    this.poller.stop();
    this.#follow(null);
    this.rows.clear();
    this.#showOwn(null);
    for (const selector of ['#viewer', '#empty']) find(selector).textContent = '';
    document.title = 'Presence';
    this.onSignedOut(reason, this.#used, stillOn);
  }
}

/**
 * @param {string} id
 * @param {Badge | null} badge
 * @param {Own | null} me
 * @param {string | undefined} bound the account that the access code is for, if it is for one
 * @returns {Action | undefined}
 */
function actionFor(id, badge, me, bound) {
  if (badge?.kind === 'own') return 'out';
  if (badge) return badge.kind === 'member' ? 'clear' : undefined;
  if (bound && bound !== id) return undefined;
  return me ? 'switch' : 'in';
}

/**
 * @param {string} tag
 * @param {string} text
 */
function element(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}
