import { bounded, LARGEST_VERSION } from './bounds.js';
import { PresenceError } from './calls.js';
import { isHidden, onFocus } from './focus.js';
import { electLeader } from './leader-election.js';
import { paceBy } from './pace.js';
import { endBy, OWN_REASONS, SESSION_REASONS } from './reasons.js';
import { serverAt } from './server.js';
import { NOTHING, ownClock, Store } from './store.js';
import { withTimeLimit } from './time-limit.js';
import { tokensFrom } from './tokens.js';

/** @import { Identity, Org, PollerOptions, Reason, Scope, State, Tabs } from './types.js' */

const PATIENCE_MS = 10_000; // for an answer, beyond what it may be held

/** Keeps the last snapshot of an org current, and tells its listeners of changes. */
export class PresencePoller {
  /** @type {AbortController | null} of the time between start and stop */
  #life = null;
  /** @type {AbortController | null} of the round that is under way */
  #round = null;
  /** @type {any} */
  #timer;
  /** @type {Tabs | null} */
  #tabs = null;
  /** @type {Identity} of the token that was used last, whose session a sign-out ends */
  #identity = { token: '', org: undefined, member: '', sid: '', generation: 0 };
  /** Whether this tab has to ask for itself, even if it is hidden or follows a leader. */
  #doubted = false;
  #minVersion = 0;
  /** When to stop waiting for a silent leader, by our clock. */
  #overdue = 0;
  /** Whether another round is to follow at once. */
  #wanted = false;

  #store = new Store();
  #name;
  #wait;
  #clock;
  #scope;
  #shared;
  #pace;
  #server;
  #tokens;

  /** @param {PollerOptions} options */
  constructor({
    url = '',
    wait = 0,
    share = true,
    fetch,
    clock = ownClock,
    scope = /** @type {Scope} */ (globalThis),
    ...options
  }) {
    this.#name = `presence 4 ${url}`;
    this.#wait = wait;
    this.#clock = clock;
    this.#scope = scope;
    this.#shared = share ? scope : {};
    this.#pace = paceBy(clock.random);
    this.#server = serverAt(url, fetch, scope);
    this.#tokens = tokensFrom(options);
  }

  start() {
    if (this.#life) return;
    this.#life = new AbortController();
    const look = () => (isHidden(this.#scope) ? this.#rest() : this.refresh());
    onFocus(this.#scope, this.#life.signal, look);
    if (this.getState().status === 'signed-out') this.#store.set(NOTHING);
    this.refresh();
  }

  stop() {
    this.#life?.abort();
    this.#life = null;
    this.#rest();
    this.#tabs?.close();
    this.#tabs = null;
  }

  /**
   * @param {() => void} listener called after each change of the state
   * @returns {() => void} unsubscribes
   */
  subscribe(listener) {
    this.#store.listeners.add(listener);
    return () => void this.#store.listeners.delete(listener);
  }

  /** The same object as long as nothing changes. */
  getState() {
    return this.#store.state;
  }

  /** When the snapshot was last confirmed: ms, by the server's clock; null without one. */
  get checkedAt() {
    return this.#store.checkedAt;
  }

  /** Now by the server's clock: ms since 1970. */
  now() {
    return this.#clock.now() + this.#store.skew;
  }

  /**
   * Poll at once.
   *
   * @param {number} [minVersion] `Presence-Version` of a write of one's own, to see it for certain
   */
  refresh(minVersion = 0) {
    this.#minVersion = Math.max(this.#minVersion, bounded(minVersion, 0, LARGEST_VERSION, 0));
    this.#wanted = true;
    // An answer that the server holds would come too late.
    if (this.#wait) this.#giveUp();
    this.#poll();
  }

  /**
   * End the session, stop, here and in the other tabs, and leave no snapshot in memory or the
   * browser's cache. Only the first needs the network.
   *
   * @returns {Promise<boolean>} whether the server knows; otherwise the token is valid until it
   *   expires, as an issuer's always is
   */
  async signOut() {
    const ended = this.#server.end(this.#identity.token);
    this.#leave('signed_out', { all: true });
    await this.#server.evict();
    return ended;
  }

  #rest() {
    this.#giveUp();
    this.#tabs?.rest();
  }

  #giveUp() {
    this.#clock.clearTimeout(this.#timer);
    this.#round?.abort();
    this.#round = null;
  }

  /** A round, if none is under way: look at the token, ask if this tab leads, time the next. */
  async #poll() {
    if (!this.#life || this.#round) return;
    this.#clock.clearTimeout(this.#timer);
    const round = (this.#round = new AbortController());
    const limit = PATIENCE_MS + this.#wait * 1000;
    const wanted = this.#wanted;
    this.#wanted = false;
    let seconds;
    try {
      seconds = await withTimeLimit(this.#clock, limit, round, () => this.#ask(round, wanted));
    } catch (error) {
      if (this.#round === round) seconds = this.#failed(error);
    }
    if (this.#round !== round) return;
    this.#round = null;
    if (this.#wanted) seconds = 0;
    else if (this.#tabs?.isLeading()) this.#tabs.say({ known: this.#store.told(), seconds });
    if (seconds === Infinity) return;
    this.#timer = this.#clock.setTimeout(() => this.#poll(), (seconds ?? 0) * 1000);
  }

  /**
   * @param {AbortController} round
   * @param {boolean} wanted whether the leader is to poll at once
   * @returns {Promise<number | undefined>} seconds to the next round
   */
  async #ask(round, wanted) {
    const caller = await this.#tokens.current();
    if (this.#round !== round) return;
    if (!caller) return this.#leave('missing');
    const tabs = this.#join(caller);
    /** @type {number | undefined} */
    let seconds = Infinity; // a hidden tab only listens
    if (!isHidden(this.#scope)) {
      if (tabs.compete()) this.#expect(0); // a message of the leader
      seconds = (this.#overdue - this.#clock.now()) / 1000;
    }
    if (tabs.isLeading() || this.#doubted || seconds <= 0) {
      seconds = await this.#lead(caller, round).catch(async (error) => {
        if (error.status === 401 && (await this.#tokens.isReplaced(caller))) return 0;
        throw error;
      });
    } else if (wanted) tabs.say({ ask: this.#minVersion });
    if (this.#round !== round) return;
    await this.#tokens.renewIfDue(caller.token, this.now(), this.#server.renew, round.signal);
    return seconds;
  }

  /**
   * Share with the tabs of this member, and forget what another member could see.
   *
   * @param {Identity} caller
   */
  #join(caller) {
    const { member } = caller;
    const isOther = member !== this.#identity.member;
    this.#identity = caller;
    if (isOther) {
      this.#tabs?.close();
      this.#tabs = null;
      this.#store.forget(NOTHING);
    }
    this.#tabs ??= electLeader(
      this.#name + member,
      this.#shared,
      (message) => this.#heard(message),
      () => this.refresh(),
    );
    return this.#tabs;
  }

  /**
   * @param {Identity} caller
   * @param {AbortController} round
   */
  async #lead(caller, round) {
    const minVersion = this.#minVersion;
    const { state, etag } = this.#store;
    const { signal } = round;
    const begun = this.#clock.now();
    const asked = this.#server.snapshot(caller, etag, minVersion, this.#wait, signal);
    const { data, headers } = await asked;
    const now = this.#clock.now();
    /** @type {Partial<State>} */
    const changes = this.#store.knows(data, headers) ? {} : { snapshot: data };
    if (data && data.accounts_version !== state.snapshot?.accounts_version) {
      changes.accounts = await this.#server.accounts(caller, signal);
    }
    if (this.#round !== round) return;
    if (this.#minVersion === minVersion) this.#minVersion = 0;
    this.#doubted = false;
    this.#tokens.accepted();
    this.#store.confirm(now, headers, changes, headers.get('ETag') ?? (data ? null : etag));
    return this.#pace.afterAnswer(headers, (now - begun) / 1000);
  }

  /** @param {unknown} error */
  #failed(error) {
    const known = error instanceof PresenceError ? error : new PresenceError();
    const { retryAfter, intercepted } = known;
    const end = endBy(known);
    if (end) return this.#leave(end.reason, end);
    const offline = this.#scope.navigator?.onLine === false;
    const reason = intercepted ? 'intercepted' : null;
    this.#store.set({ status: offline ? 'offline' : 'reconnecting', reason });
    return this.#pace.afterFailure(retryAfter);
  }

  /** @param {number} seconds that the leader rests */
  #expect(seconds) {
    this.#overdue = this.#clock.now() + (seconds + this.#wait) * 1000 + 1.5 * PATIENCE_MS;
  }

  /** @param {any} message of another tab */
  #heard(message) {
    const leading = this.#tabs?.isLeading();
    if (message.out && message.gen >= this.#identity.generation) {
      this.#heardOut(message);
    } else if (leading && 'ask' in message) {
      this.refresh(message.ask);
    } else if (!leading && message.known) {
      this.#expect(message.seconds);
      this.#store.adopt(message.known);
      this.#poll(); // a look at this tab's own token
    }
  }

  /** @param {any} message of a tab that was signed out */
  #heardOut({ out, sid, all }) {
    const isOther = sid !== this.#identity.sid;
    if (isOther && !all) {
      this.#doubted = true;
      return this.refresh();
    }
    if (isOther && out === 'signed_out') this.#server.end(this.#identity.token);
    this.stop();
    this.#leave(out);
  }

  /**
   * @param {Reason} reason
   * @param {{all?: boolean, orgs?: Org[]}} [more] `all`: tabs with another session are signed out too
   * @returns {undefined} there is no next round
   */
  #leave(reason, { all = !SESSION_REASONS.includes(reason), orgs } = {}) {
    const { sid, generation: gen } = this.#identity;
    const message = { out: reason, all, sid, gen };
    if (!OWN_REASONS.includes(reason)) this.#tabs?.say(message);
    this.stop();
    this.#minVersion = 0;
    this.#doubted = false;
    this.#store.forget({ ...NOTHING, status: 'signed-out', reason, orgs: orgs ?? null });
  }
}
