import { PresenceError } from './api.js';
import { paceBy } from './pace.js';
import { serverAt } from './server.js';
import { tabsOf } from './sharing.js';
import { NOTHING, Store, ownClock } from './store.js';
import { claimsOf, tokensFrom } from './tokens.js';

/**
 * @import { Tabs } from './sharing.js'
 * @import { PollerOptions, Reason, Scope } from './types.js'
 */

const PATIENCE_MS = 10_000; // for an answer, beyond what it may be held

/** What concerns one token only: another tab's may be good. */
const OWN_REASONS = ['missing', 'invalid', 'expired'];

/** Keeps the last snapshot of an org, and tells when it is another. */
export class PresencePoller {
  /** @type {AbortController | null} of the time between start and stop */
  #life = null;
  /** @type {AbortController | null} of the round that is under way */
  #round = null;
  /** @type {any} */
  #timer;
  /** @type {Tabs | null} */
  #tabs = null;
  #member = '';
  #minVersion = 0;
  /** Whether a round is to follow at once. */
  #wanted = false;
  /** Whether another tab may not know what this one knows. */
  #untold = false;

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
    getToken,
    onToken,
    wait = 0,
    share = true,
    fetch = globalThis.fetch,
    clock = ownClock,
    scope = /** @type {Scope} */ (globalThis),
  }) {
    this.#name = `presence 1 ${url}`;
    this.#wait = wait;
    this.#clock = clock;
    this.#scope = scope;
    this.#shared = share ? scope : {};
    this.#pace = paceBy(clock.random);
    this.#server = serverAt(url, fetch, scope);
    this.#tokens = tokensFrom(getToken, onToken);
  }

  start() {
    if (this.#life) return;
    this.#life = new AbortController();
    const { signal } = this.#life;
    for (const event of ['visibilitychange', 'focus', 'online', 'offline']) {
      const look = () => (this.#hidden ? this.#rest() : this.refresh());
      this.#scope.addEventListener?.(event, look, { signal });
    }
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
   * @param {() => void} listener called whenever the state is another
   * @returns {() => void} ends that
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
    this.#minVersion = Math.max(this.#minVersion, minVersion);
    this.#wanted = true;
    // An answer that the server holds would come too late.
    if (this.#wait) this.#giveUp();
    this.#begin();
  }

  /** Stop, here and in the other tabs, and leave no snapshot in memory or the browser's cache. */
  async signOut() {
    this.#leave('signed_out');
    await this.#server.evict();
  }

  get #hidden() {
    return this.#scope.document?.visibilityState === 'hidden';
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

  #begin() {
    if (this.#life && !this.#round) void this.#poll();
  }

  /** One round: look at the token, ask if this tab leads, and set the time of the next. */
  async #poll() {
    this.#clock.clearTimeout(this.#timer);
    const round = (this.#round = new AbortController());
    const patience = PATIENCE_MS + this.#wait * 1000;
    const impatience = this.#clock.setTimeout(() => round.abort(), patience);
    const wanted = this.#wanted;
    this.#wanted = false;
    let seconds;
    try {
      seconds = await this.#ask(round, wanted);
    } catch (error) {
      if (this.#round === round) seconds = this.#failed(error);
    }
    this.#clock.clearTimeout(impatience);
    if (this.#round !== round) return;
    this.#round = null;
    // Wanted again meanwhile, or elected.
    if (this.#wanted || (seconds === undefined && this.#tabs?.isLeading())) seconds = 0;
    if (seconds === undefined) return;
    this.#timer = this.#clock.setTimeout(() => this.#begin(), seconds * 1000);
  }

  /**
   * @param {AbortController} round
   * @param {boolean} wanted whether the leader is to poll at once
   * @returns {Promise<number | undefined>} seconds to the next round; none if another tab leads
   */
  async #ask(round, wanted) {
    const token = await this.#tokens.current();
    if (this.#round !== round) return;
    if (!token) return this.#leave('missing');
    const tabs = this.#join(token);
    if (!this.#hidden) tabs.compete();
    let seconds;
    if (tabs.isLeading()) seconds = await this.#lead(token, round);
    else if (wanted) tabs.say({ ask: this.#minVersion });
    if (this.#round !== round) return;
    await this.#tokens.renewIfDue(token, this.now(), this.#server.renew, round.signal);
    return seconds;
  }

  /**
   * Share with the tabs of this token's member, and forget what another could see.
   *
   * @param {string} token
   */
  #join(token) {
    const { org, mid } = claimsOf(token);
    const member = ` ${org} ${mid}`;
    if (member !== this.#member) {
      this.#tabs?.close();
      this.#tabs = null;
      this.#member = member;
      this.#store.forget(NOTHING);
    }
    this.#tabs ??= tabsOf(
      this.#name + member,
      this.#shared,
      (message) => this.#heard(message),
      () => this.#elected(),
    );
    return this.#tabs;
  }

  /**
   * @param {string} token
   * @param {AbortController} round
   */
  async #lead(token, round) {
    const minVersion = this.#minVersion;
    const wishes = { minVersion, wait: this.#wait };
    const { state, etag } = this.#store;
    const { data, headers } = await this.#server.snapshot(token, etag, wishes, round.signal);
    const now = this.#clock.now();
    let { accounts } = state;
    if (data && data.accounts_version !== state.snapshot?.accounts_version) {
      accounts = await this.#server.accounts(token, round.signal);
    }
    if (this.#round !== round) return;
    if (this.#minVersion === minVersion) this.#minVersion = 0;
    this.#tell(this.#store.confirm(now, headers, data, accounts));
    return this.#pace.afterAnswer(headers);
  }

  /**
   * @param {unknown} error
   * @returns {number | undefined} seconds to the next try
   */
  #failed(error) {
    const { status, problem, retryAfter } =
      error instanceof PresenceError ? error : new PresenceError(0, null, null);
    if (status === 401) return this.#leave(problem?.reason ?? 'invalid');
    if (status === 403) return this.#leave('forbidden');
    const offline = this.#scope.navigator?.onLine === false;
    this.#tell(this.#store.set({ status: offline ? 'offline' : 'reconnecting' }));
    return this.#pace.afterFailure(retryAfter);
  }

  /** @param {boolean} changed */
  #tell(changed) {
    if (!this.#tabs?.isLeading()) return;
    this.#tabs.say(this.#store.told(changed || this.#untold));
    this.#untold = false;
  }

  /** @param {any} message of another tab */
  #heard(message) {
    const leading = this.#tabs?.isLeading();
    if (message.out) {
      this.stop();
      this.#leave(message.out);
    } else if (leading && 'ask' in message) {
      this.#untold = true;
      this.refresh(message.ask);
    } else if (!leading && 'skew' in message) {
      this.#store.adopt(message);
      this.#begin(); // a look at this tab's own token
    }
  }

  #elected() {
    this.#untold = true;
    this.#begin();
  }

  /**
   * @param {Reason} reason
   * @returns {undefined} no time of a next round
   */
  #leave(reason) {
    if (!OWN_REASONS.includes(reason)) this.#tabs?.say({ out: reason });
    this.stop();
    this.#minVersion = 0;
    this.#store.forget({ ...NOTHING, status: 'signed-out', reason });
  }
}
